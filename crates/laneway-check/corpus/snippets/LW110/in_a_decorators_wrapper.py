import functools
import time


def slow(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        time.sleep(0.1)  # expect: LW110
        return function(*arguments)

    return wrapper


@slow
def value():
    return 1


async def start():
    return value()
