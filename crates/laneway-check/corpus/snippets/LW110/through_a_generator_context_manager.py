import contextlib
import time


@contextlib.contextmanager
def pause():
    time.sleep(0.1)  # expect: LW110
    yield


async def work(step):
    with pause():
        await step()
