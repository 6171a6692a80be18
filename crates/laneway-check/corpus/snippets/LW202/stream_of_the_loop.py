async def count(stream):
    total = 0
    async for part in stream:
        for byte in part:
            total += byte
    return total
