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
        time.sleep(1)  # expect: LW110:error
        return data


def fetch(data, codec: Codec):
    return codec.load(data)


STEPS = {"fetch": fetch}


async def handler(data):
    return fetch(data, Quick())


async def other(data):
    return STEPS["fetch"](data, Slow())
