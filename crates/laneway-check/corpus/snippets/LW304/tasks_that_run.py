import asyncio


async def drain(jobs):
    await asyncio.wait([job.handler for job in jobs])
    await asyncio.gather(*[job.task for job in jobs], return_exceptions=True)
