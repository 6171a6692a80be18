import httpx


async def price(symbol):
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"https://example.org/{symbol}")
    return answer.text
