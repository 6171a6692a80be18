import asyncio

import requests


async def price(symbol):
    answer = await asyncio.to_thread(requests.get, f"https://example.org/{symbol}", timeout=5)
    return answer.text
