import time
from abc import ABC, abstractmethod


class Store(ABC):
    @abstractmethod
    def load(self, key): ...


class DiskStore(Store):
    def load(self, key):
        time.sleep(1)  # expect: LW110:error


async def handler(store: Store, key):
    return store.load(key)
