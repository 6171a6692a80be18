import functools
import inspect
import time


def traced(function):
    @functools.wraps(function)
    async def async_wrapper(*arguments):
        return await function(*arguments)

    @functools.wraps(function)
    def sync_wrapper(*arguments):
        return function(*arguments)

    if inspect.iscoroutinefunction(function):
        return async_wrapper
    return sync_wrapper


@traced
def pause():
    time.sleep(1)  # expect: LW110


@traced
def script():
    time.sleep(1)


@traced
async def handler():
    pause()
