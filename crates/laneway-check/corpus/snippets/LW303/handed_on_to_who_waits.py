async def serve(session, holder, ready):
    try:
        holder["client"] = await session()
    except BaseException as error:
        holder["error"] = error
    ready.set()


async def pump(source, queue):
    try:
        async for item in source:
            await queue.put((item, None))
    except BaseException as error:
        await queue.put((None, error))
