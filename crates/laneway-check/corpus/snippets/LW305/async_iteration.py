async def pages(stream):
    found = []
    async for page in stream:
        found.append(page)
    return found
