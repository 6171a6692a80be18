import aiohttp


async def answer(session: aiohttp.ClientSession):
    async with session.get("https://example.org") as response:
        return await response.json()
