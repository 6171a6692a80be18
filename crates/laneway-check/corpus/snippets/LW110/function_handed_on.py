import time
from functools import partial


def work(mode):
    if mode == "slow":
        time.sleep(1)  # expect: LW110


def load(mode):
    if mode == "slow":
        time.sleep(1)  # expect: LW110


def look(mode):
    if mode == "slow":
        time.sleep(1)  # expect: LW110


STEPS = {"work": work}
slow = partial(load, mode="slow")


async def handler(bus):
    work("fast")
    STEPS["work"]("slow")
    slow()
    load("fast")
    bus.subscribe(look)
    look("fast")
