import asyncio


async def report(task):
    await asyncio.sleep(0)
    return repr(task)


def report_now(task):
    return asyncio.run(report(task))  # expect: LW401
