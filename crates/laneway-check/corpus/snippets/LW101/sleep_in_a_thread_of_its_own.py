import threading
import time


def heartbeat(beat):
    while beat():
        time.sleep(1)


async def start(beat):
    threading.Thread(target=heartbeat, args=(beat,), daemon=True).start()
