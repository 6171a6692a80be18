import threading


async def stop(thread: threading.Thread):
    thread.join()  # expect: LW107
