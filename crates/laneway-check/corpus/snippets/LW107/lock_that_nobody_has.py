import threading


async def reserve(locks, key):
    lock = threading.Lock()
    lock.acquire()
    locks[key] = lock


async def again():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()  # expect: LW107
