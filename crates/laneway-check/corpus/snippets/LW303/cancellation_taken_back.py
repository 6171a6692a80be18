import asyncio


async def swallowed(call):
    try:
        await call()
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()


async def counted(call):
    task = asyncio.current_task()
    try:
        await call()
    except BaseException:
        if task.uncancel() == 0:
            print("taken back")


async def taken_back_elsewhere(call):
    task = asyncio.current_task()
    task.uncancel()
    try:
        await call()
    except BaseException:  # expect: LW303
        print("gone")
