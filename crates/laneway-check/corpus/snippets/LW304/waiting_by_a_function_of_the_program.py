import asyncio

import httpx


async def wait(client: httpx.AsyncClient, url):
    return await client.get(url)


async def ready(client, urls):
    await asyncio.gather(*[wait(client, url) for url in urls])  # expect: LW304:warning


async def started(client, urls):
    for url in urls:
        asyncio.create_task(wait(client, url))  # expect: LW304:warning, LW302


async def flagged(events):
    await asyncio.gather(*[event.wait(timeout=1) for event in events])
