import aiohttp


async def page(session: aiohttp.ClientSession):
    async with session.get("https://example.org") as answer:
        return await answer.text()
