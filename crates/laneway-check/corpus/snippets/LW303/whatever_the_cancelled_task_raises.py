import asyncio


async def first(jobs, call):
    watch = asyncio.ensure_future(jobs.get())
    try:
        return await call()
    finally:
        watch.cancel()
        try:
            await watch
        except BaseException:
            pass


async def stop_all(tasks):
    for task in tasks:
        task.cancel()
    try:
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
    except BaseException:
        pass
