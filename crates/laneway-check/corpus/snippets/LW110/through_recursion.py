import time


def wait(depth):
    if depth == 0:
        time.sleep(1)  # expect: LW110
    else:
        again(depth - 1)


def again(depth):
    wait(depth)


async def start():
    wait(3)
