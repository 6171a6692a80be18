import asyncio


async def until(state):
    while not state.ready:  # expect: LW404
        await asyncio.sleep(0.01)
