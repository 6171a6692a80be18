from concurrent.futures import ThreadPoolExecutor

import requests

pool = ThreadPoolExecutor(4)


def download(url):
    return requests.get(url).content


async def prefetch(urls):
    for url in urls:
        pool.submit(download, url)
