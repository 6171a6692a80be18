import anyio


async def handler(first, second):
    async with anyio.create_task_group() as group:
        group.start_soon(first)
        group.start_soon(second)
