import contextlib
import time


@contextlib.contextmanager
def timeout(seconds):
    yield
    time.sleep(seconds)


@contextlib.contextmanager
def timeout_async(seconds):
    yield


async def run(flow, work):
    bounded = timeout_async if flow.is_async else timeout
    with bounded(3):
        await work()
