import enum
import time


class Loose(enum.Enum):
    A = 1
    B = 2

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class Strict(enum.Enum):
    A = 1
    B = 2


def of_loose(mode=Loose.A):
    if mode == Loose.B:
        time.sleep(1)  # expect: LW110


def of_strict(mode=Strict.A):
    if mode == Strict.B:
        time.sleep(1)


async def handler():
    of_loose()
    of_strict()
