import queue

inbox = queue.Queue(maxsize=4)


async def send(message):
    inbox.put(message)  # expect: LW107:hint
