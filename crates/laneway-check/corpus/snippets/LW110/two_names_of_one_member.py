import time
from enum import IntEnum


class Level(IntEnum):
    LOW = 1
    HIGH = 2
    USUAL = 2


def work(level):
    if level == Level.HIGH:
        time.sleep(1)  # expect: LW110


def rest(level):
    if level == Level.LOW:
        time.sleep(1)


async def handler():
    work(Level.USUAL)
    rest(Level.USUAL)
