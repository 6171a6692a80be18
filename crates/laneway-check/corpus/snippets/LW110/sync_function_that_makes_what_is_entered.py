import time


class Session:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error): ...


def session():
    time.sleep(1)  # expect: LW110
    return Session()


async def handler():
    async with session() as opened:
        return opened
