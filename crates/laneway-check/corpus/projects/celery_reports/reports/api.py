from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from reports.tasks import build

app = FastAPI()


@app.post("/reports/{name}")
async def start(name: str):
    job = build.delay(name)  # expect: LW105:warning
    return {"id": job.id}


@app.get("/reports/{name}")
async def wait(name: str):
    job = await run_in_threadpool(build.delay, name)
    rows = job.get(timeout=30)  # expect: LW105:error (missed: the result of a pool)
    return {"rows": rows}


@app.get("/sync/{name}")
def sync(name: str):
    return build.delay(name).get(timeout=30)
