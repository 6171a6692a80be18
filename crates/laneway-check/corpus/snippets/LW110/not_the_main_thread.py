import threading
import time


def wait():
    if threading.current_thread() is threading.main_thread():
        return
    time.sleep(3)


async def handler():
    wait()
