"""An application that brings its own worker; run as a program it reports what its jobs give."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

from laneway import JobFailed, Laneway, inject

app = Laneway()


@app.task
async def double(n: int) -> int:
    return n * 2


@app.task
async def double_by_another_job(n: int) -> int:
    job = await double.enqueue(n)
    return await job.result(timeout=20)


@app.resource
def words() -> Iterator[list[str]]:
    yield ["tea"]


@app.task(lane="thread")
def first_word(words: list[str] = inject(words)) -> str:
    return words[0]


@app.task
def speak(text: str) -> str:
    print(text, flush=True)
    return text


@app.task
async def fail() -> None:
    raise LookupError("no such order")


async def work() -> None:
    async with app.worker(concurrency_process=1) as worker:
        jobs = [
            await double.enqueue(21),
            await double_by_another_job.enqueue(4),
            await first_word.enqueue(),
            await speak.enqueue("spoken in a process"),
        ]
        print(await asyncio.gather(*(job.result(timeout=20) for job in jobs)))
        try:
            await (await fail.enqueue()).result(timeout=20)
        except JobFailed as error:
            print(error.code, error.failure and error.failure[:3])
        if "die" in sys.argv:
            # The parent dies without a word; the test watches what becomes of the worker.
            print(worker.pid, flush=True)
            os._exit(9)


if __name__ == "__main__":
    asyncio.run(work())
