import threading

ready = threading.Event()


async def wait_ready():
    ready.wait(timeout=10)  # expect: LW107
