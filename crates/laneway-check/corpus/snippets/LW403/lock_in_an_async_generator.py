import threading

lock = threading.Lock()


async def numbers(source):
    with lock:  # expect: LW403
        async for number in source:
            yield number
