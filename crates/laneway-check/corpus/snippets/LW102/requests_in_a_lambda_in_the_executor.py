import asyncio

import requests


async def price(symbol):
    loop = asyncio.get_running_loop()
    url = f"https://example.org/{symbol}"
    answer = await loop.run_in_executor(None, lambda: requests.get(url, timeout=5))
    return answer.text
