import asyncio


async def connect(open_connection):
    while True:
        try:
            return await open_connection()
        except ConnectionError:
            await asyncio.sleep(0.1)
