import queue

inbox: queue.Queue = queue.Queue()


async def next_item():
    try:
        return inbox.get(block=False)
    except queue.Empty:
        return inbox.get_nowait() if inbox.qsize() else None
