import time
from abc import ABC, abstractmethod


class Parser(ABC):
    @abstractmethod
    def image(self, url): ...


class WaitingParser(Parser):
    def image(self, url):
        time.sleep(1)  # expect: LW110:error


class LazyParser(Parser):
    def image(self, url):
        return url


def parser() -> Parser:
    return WaitingParser()


async def serve(url):
    return parser().image(url)
