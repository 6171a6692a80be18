import queue

inbox: queue.Queue = queue.Queue()


async def next_item():
    return inbox.get()  # expect: LW107
