import threading


class Cache:
    def __init__(self):
        self._lock = threading.Lock()
        self.values = {}

    async def put(self, key, value):
        self._lock.acquire()  # expect: LW107
        self.values[key] = value
        self._lock.release()
