import httpx


class SyncClient:
    def __init__(self):
        self.http = httpx.Client()  # quiet: LW110 (raised: made on demand)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.http.close()

    def read(self, path):
        return self.http.get(path)


class Client:
    async def __aenter__(self):
        self.http = httpx.AsyncClient()
        return self

    async def __aexit__(self, *exception):
        await self.http.aclose()

    async def read(self, path):
        return await self.http.get(path)


def get_client(sync_client: bool = False) -> SyncClient | Client:
    return SyncClient() if sync_client else Client()


async def first(path):
    async with get_client() as client:
        return await client.read(path)


async def second(path):
    return await get_client().read(path)
