import threading

lock = threading.Lock()


async def update(values, load):
    value = await load()
    with lock:  # expect: LW107:hint
        values["x"] = value
