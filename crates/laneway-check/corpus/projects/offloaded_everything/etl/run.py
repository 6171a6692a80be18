import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import anyio.to_thread
from asgiref.sync import sync_to_async

from etl import load

threads = ThreadPoolExecutor(4)
processes = ProcessPoolExecutor(2)
convert = sync_to_async(load.convert)


async def one(url, path):
    loop = asyncio.get_running_loop()
    data = await asyncio.to_thread(load.download, url)
    await loop.run_in_executor(threads, partial(load.save, path, data))
    await convert(path)
    lines = await anyio.to_thread.run_sync(load.index, path)
    rest = await loop.run_in_executor(processes, load.index, path)
    threads.submit(load.convert, path)
    threading.Timer(5, load.download, [url]).start()
    return lines, rest


def main(urls):
    for url in urls:
        load.save(url, load.download(url))
