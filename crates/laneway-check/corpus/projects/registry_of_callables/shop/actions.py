import functools
import subprocess
import time


def pack(order, box):
    subprocess.run(["pack", order, box], check=True)  # expect: LW110:error


def label(order):
    time.sleep(0.2)  # expect: LW110:error (missed: called through a dictionary)
    return order


def weigh(order):
    time.sleep(0.1)
    return len(order)


pack_small = functools.partial(pack, box="small")

ACTIONS = {"label": label}
