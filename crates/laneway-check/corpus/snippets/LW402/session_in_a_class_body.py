import aiohttp


class Api:
    session = aiohttp.ClientSession()  # expect: LW402

    async def page(self, url):
        async with self.session.get(url) as answer:
            return await answer.text()
