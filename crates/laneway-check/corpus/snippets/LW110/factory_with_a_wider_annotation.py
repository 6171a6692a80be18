import time
from abc import ABC, abstractmethod


class Parser(ABC):
    @abstractmethod
    def image(self, url): ...


class WaitingParser(Parser):
    def image(self, url):
        time.sleep(1)


class LazyParser(Parser):
    def image(self, url):
        return url


class Tracker:
    def parser(self) -> Parser:
        return LazyParser()


async def serve(url):
    return Tracker().parser().image(url)
