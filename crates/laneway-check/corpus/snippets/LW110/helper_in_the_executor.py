import asyncio
import functools

import requests


def download(url, timeout):
    return requests.get(url, timeout=timeout).content


async def image(url):
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, functools.partial(download, url, timeout=5))
