import anyio
import anyio.to_thread
import requests


def download(url):
    return requests.get(url).content


async def image(url):
    with anyio.fail_after(5):
        return await anyio.to_thread.run_sync(download, url)
