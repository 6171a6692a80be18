import abc
import time


class Codec(abc.ABC):
    @abc.abstractmethod
    def load(self, data): ...


class Quick(Codec):
    def load(self, data):
        return data


class Slow(Codec):
    def load(self, data):
        time.sleep(1)  # expect: LW110:hint
        return data


def read(data, codec: Codec):
    return codec.load(data)


def fetch(data, codec: Codec):
    return read(data, codec)


async def handler(data):
    return fetch(data, Quick())


async def other():
    return Slow()
