import time


def slowly(function):
    def wrapper(*args):
        return function("slow", *args)

    return wrapper


@slowly
def load(mode, number=0):
    if mode == "slow":
        time.sleep(1)  # expect: LW110


async def handler():
    load("fast")
