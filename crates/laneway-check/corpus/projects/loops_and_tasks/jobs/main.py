import asyncio

from jobs.pool import Pool
from jobs.report import report, report_now

background = set()


async def every(jobs):
    return await asyncio.gather(*(job() for job in jobs))  # expect: LW304


async def limited(jobs):
    pool = Pool(8)

    async def one(job):
        async with pool.gate:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


async def start(job):
    asyncio.create_task(job())  # expect: LW302
    task = asyncio.create_task(job())
    background.add(task)
    task.add_done_callback(background.discard)


async def finish(task):
    try:
        await task
    except asyncio.CancelledError:  # expect: LW303
        return None
    report(task)  # expect: LW301
    await report(task)
    return report_now(task)
