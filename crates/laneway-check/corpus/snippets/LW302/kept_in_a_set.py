import asyncio

background: set[asyncio.Task] = set()


async def handler(work):
    task = asyncio.create_task(work())
    background.add(task)
    task.add_done_callback(background.discard)
