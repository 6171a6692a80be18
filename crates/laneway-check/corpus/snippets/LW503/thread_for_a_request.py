import asyncio

import requests


async def page(url):
    return await asyncio.to_thread(requests.get, url)
