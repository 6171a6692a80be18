import threading

lock = threading.Lock()


async def update(values, load):
    with lock:  # expect: LW403
        values["x"] = await load()
