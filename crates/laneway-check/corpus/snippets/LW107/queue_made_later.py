import multiprocessing
from multiprocessing import Queue

methods: Queue | None = None


def create():
    global methods
    methods = multiprocessing.get_context("spawn").Queue()


async def send(message):
    assert methods is not None
    methods.put(message)
