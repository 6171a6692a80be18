import functools
import time


def logged(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@logged
def settle(seconds):
    time.sleep(seconds)  # expect: LW110


async def start():
    settle(3)
