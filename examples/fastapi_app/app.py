"""A web application that enqueues jobs and awaits them, with its worker in the same process group.

Run it with `uvicorn app:api`. In production leave the `worker()` block out and run
`laneway worker app.py` beside the web servers; nothing else changes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, HTTPException, Response

from laneway import Backoff, Laneway, ResultTimeout
from laneway.errors import JobUnknown

app = Laneway()


@app.task(retry=Backoff(3, first="200ms"))
async def greet(name: str) -> str:
    """Waits: the async lane."""
    await asyncio.sleep(0.05)
    return f"hello {name}"


@app.task
def stretch_key(password: str, rounds: int = 200_000) -> str:
    """Computes: the process lane, so that the web server's loop never feels it."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", rounds).hex()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Runs a worker for as long as the web application runs."""
    async with app.worker():
        yield


api = FastAPI(lifespan=lifespan)


@api.get("/greet/{name}")
async def greet_now(name: str) -> dict[str, str]:
    """Enqueues a job and awaits its result."""
    job = await greet.enqueue(name)
    return {"job": job.id, "greeting": await job.result(timeout=10)}


@api.post("/keys", status_code=202)
async def order_key(password: str, response: Response) -> dict[str, str]:
    """Enqueues a job and answers at once with where to look for it."""
    job = await stretch_key.enqueue(password)
    response.headers["Location"] = f"/keys/{job.id}"
    return {"job": job.id}


@api.get("/keys/{job_id}")
async def get_key(job_id: str, wait: float = 0) -> dict[str, Any]:
    """Tells how a job stands; with `wait`, waits so many seconds for its end."""
    job = app.job(job_id, str)
    try:
        with suppress(ResultTimeout):
            return {"state": "succeeded", "key": await job.result(timeout=wait)}
        return {"state": await job.status()}
    except JobUnknown:
        raise HTTPException(404, f"there is no job {job_id}") from None
