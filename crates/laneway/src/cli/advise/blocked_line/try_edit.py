"""Runs a coroutine of a file and tells where it blocks, or whether others had a turn meanwhile."""

import asyncio
import runpy
import sys
import threading
import time
import traceback

path, function, purpose = sys.argv[1:]
coroutine = runpy.run_path(path)[function]
ticks = 0


async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.005)
        ticks += 1


async def main():
    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    result = await coroutine()
    if purpose == "run":
        print(result)
        print("others had a turn" if ticks else "it blocks the loop")
    ticker.cancel()


def tell(thread):
    time.sleep(0.1)
    stack = traceback.extract_stack(sys._current_frames()[thread])
    for frame in stack:
        print(f"{frame.filename}:{frame.lineno} {frame.name}")


if purpose == "where":
    threading.Thread(target=tell, args=[threading.get_ident()]).start()
asyncio.run(main())
