import threading

lock = threading.Lock()


async def try_it(work):
    if lock.acquire(blocking=False):
        try:
            work()
        finally:
            lock.release()
