import laneway
from laneway import Job, Laneway

app = Laneway()


@app.task
async def count(text: str) -> int:
    return len(text)


@app.task(lane="thread")
def measure(text: str) -> int:
    return len(text)


async def waits(texts):
    job = await count.enqueue("one")
    job.wait()  # expect: LW107
    job.blocking.result(timeout=1)  # expect: LW107
    return laneway.map(len, texts)  # expect: LW107


async def awaits(texts, known: Job):
    job = await measure.enqueue("one")
    await known.result()
    await job.result(timeout=1)
    return await laneway.amap(fetch, texts)


def plain(texts):
    measure.delay("one").wait()
    return laneway.map(len, texts)
