import asyncio


async def wait_until_ready(job):
    for _ in range(10):
        if job.ready:
            return True
        await asyncio.sleep(0.5)
    return False
