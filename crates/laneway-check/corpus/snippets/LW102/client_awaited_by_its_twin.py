import httpx


async def page(url, client: httpx.Client | httpx.AsyncClient):
    if isinstance(client, httpx.AsyncClient):
        return await client.get(url)
    return None
