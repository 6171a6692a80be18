import enum
import time


class Mode(enum.Enum):
    FAST = enum.auto()
    SLOW = enum.auto()


def work(mode):
    if mode is Mode.SLOW:
        time.sleep(1)


async def handler():
    work(Mode.FAST)
