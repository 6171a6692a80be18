import contextlib
import time


def load():
    time.sleep(1)  # expect: LW110:warning


@contextlib.asynccontextmanager
async def model():
    yield load()


async def run(server):
    async with model():
        await server.serve()
