import contextlib
import time


@contextlib.contextmanager
def patient(seconds):
    yield
    time.sleep(seconds)  # expect: LW110


@contextlib.contextmanager
def hasty(seconds):
    yield


async def run(flow, work):
    bounded = hasty if flow.is_small else patient
    with bounded(3):
        await work()
