import requests
from starlette.concurrency import run_in_threadpool


def download(url):
    return requests.get(url).content


async def image(url):
    return await run_in_threadpool(download, url)
