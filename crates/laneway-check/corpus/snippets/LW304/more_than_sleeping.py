import asyncio


async def fetch(session, request):
    await asyncio.sleep(request.delay)
    return await session.get(request.url)


async def fetch_all(session, requests):
    return await asyncio.gather(*(fetch(session, it) for it in requests))  # expect: LW304:warning
