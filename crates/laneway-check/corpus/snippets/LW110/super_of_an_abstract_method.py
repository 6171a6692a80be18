import time
from abc import ABC, abstractmethod


class Step(ABC):
    @abstractmethod
    def run(self): ...


class Slow(Step):
    def run(self):
        time.sleep(1)


class Logged(Step):
    def run(self):
        super().run()


async def handler():
    Logged().run()
