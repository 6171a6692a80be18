import abc


class Storage(abc.ABC):
    @abc.abstractmethod
    async def load(self, key):
        raise NotImplementedError


class Memory(Storage):
    def __init__(self):
        self.values = {}

    async def load(self, key):
        return self.values[key]
