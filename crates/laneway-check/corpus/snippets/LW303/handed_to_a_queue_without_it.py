async def pump(source, queue):
    try:
        async for item in source:
            await queue.put(item)
    except BaseException:  # expect: LW303
        await queue.put(None)
