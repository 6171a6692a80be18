import aiohttp

session = aiohttp.ClientSession()  # expect: LW402


async def page(url):
    async with session.get(url) as answer:
        return await answer.text()
