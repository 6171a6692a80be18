import asyncio

import httpx

from crawler.fetch import Politeness, address, allowed
from crawler.queue import Frontier


async def visit(client: httpx.AsyncClient, frontier: Frontier, manners: Politeness):
    url = await frontier.next()
    host = httpx.URL(url).host
    if not allowed(host, url):
        return None
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, address, host)
    with manners:
        page = await client.get(url)
    return page.text


async def main(urls):
    frontier = Frontier()
    for url in urls:
        frontier.add(url)
    manners = Politeness(0.5)
    async with httpx.AsyncClient() as client:
        while not frontier.waiting.empty():
            await visit(client, frontier, manners)


if __name__ == "__main__":
    asyncio.run(main(["https://example.org"]))
