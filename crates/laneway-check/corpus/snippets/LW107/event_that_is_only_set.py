import threading

ready = threading.Event()


async def announce():
    ready.set()
    return ready.is_set()
