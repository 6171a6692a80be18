import requests


def call(url, wait=False):
    if wait:
        return requests.get(url)
    return None


def hand_on(url, wait=False):
    return call(url, wait)


async def handler(url):
    return hand_on(url)
