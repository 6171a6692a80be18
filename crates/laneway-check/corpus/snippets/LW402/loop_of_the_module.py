import asyncio

loop = asyncio.get_event_loop()  # expect: LW402


def later(callback):
    loop.call_soon_threadsafe(callback)
