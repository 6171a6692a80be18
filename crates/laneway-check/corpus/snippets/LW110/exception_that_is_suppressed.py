import contextlib
import time


def suppressed(flag=False):
    if not flag:
        with contextlib.suppress(ValueError):
            raise ValueError
    time.sleep(1)  # expect: LW110


def raised(lock, flag=False):
    if not flag:
        with lock:
            raise ValueError
    time.sleep(1)


async def handler(lock):
    suppressed()
    raised(lock)
