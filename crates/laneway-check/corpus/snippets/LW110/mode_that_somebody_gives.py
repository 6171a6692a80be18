import enum

import requests


class Setup(enum.Enum):
    SYNC = 1
    ASYNC = 2


class Store:
    def __init__(self, url, setup=Setup.SYNC):
        if setup == Setup.ASYNC:
            self.size = None
        elif setup == Setup.SYNC:
            self.size = requests.get(url).json()  # expect: LW110


async def make(url):
    return Store(url, setup=Setup.ASYNC)


async def make_by_default(url):
    return Store(url)
