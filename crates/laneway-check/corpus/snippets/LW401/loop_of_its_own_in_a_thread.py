import asyncio
import threading


async def serve():
    return None


def thread():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(serve())
    loop.close()


async def start():
    threading.Thread(target=thread, daemon=True).start()
