import multiprocessing
import queue

inbox = queue.Queue()
outbox = multiprocessing.Queue()


async def send(message):
    inbox.put(message)
    outbox.put(message)
    return inbox.get()  # expect: LW107:error
