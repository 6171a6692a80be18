import time
from abc import ABC, abstractmethod


class Store(ABC):
    @abstractmethod
    def load(self, key): ...


class MemoryStore(Store):
    def load(self, key):
        return key


class DiskStore(Store):
    def load(self, key):
        time.sleep(1)  # expect: LW110:warning


async def handler(store: Store, key):
    return store.load(key)
