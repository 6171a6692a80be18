import threading


class Cache:
    def __init__(self):
        self._lock = threading.RLock()
        self._values = {}

    async def get(self, key, load):
        with self._lock:  # expect: LW403
            if key not in self._values:
                self._values[key] = await load(key)
            return self._values[key]
