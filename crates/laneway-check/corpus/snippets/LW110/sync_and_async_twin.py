import time


class SyncClient:
    def read(self):
        time.sleep(1)


class AsyncClient:
    async def read(self):
        return 1


def client(sync: bool) -> SyncClient | AsyncClient:
    return SyncClient() if sync else AsyncClient()


async def start():
    return await client(False).read()
