import requests


def call(url, models=None):
    if models is not None:
        return requests.get(url)
    return None


async def handler(url):
    return call(url)
