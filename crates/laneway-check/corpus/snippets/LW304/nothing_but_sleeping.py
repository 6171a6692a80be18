import asyncio


async def settle(requests):
    await asyncio.gather(*(asyncio.sleep(it.delay) for it in requests))
    for request in requests:
        request.task = asyncio.ensure_future(asyncio.sleep(0))


async def settled(requests):
    await asyncio.gather(*[asyncio.wait_for(it.done.wait(), 1) for it in requests])
