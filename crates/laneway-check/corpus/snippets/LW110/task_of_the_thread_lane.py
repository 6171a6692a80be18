import time

from laneway import Laneway

app = Laneway()


@app.task(lane="thread")
def settle(seconds: float) -> None:
    time.sleep(seconds)


async def start():
    await settle.enqueue(1.0)
