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
            self.size = requests.get(url).json()


async def make(url, **options):
    return Store(url, setup=Setup.ASYNC, **options)
