import aiofiles


async def settings(path):
    async with aiofiles.open(path) as file:
        return await file.read()
