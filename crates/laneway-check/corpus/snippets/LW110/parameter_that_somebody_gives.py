import requests


def call(url, models=None):
    if models is not None:
        return requests.get(url)  # expect: LW110
    return None


def hand_on(url, models=None):
    return call(url, models=models)


async def handler(url):
    return call(url)


async def other(url):
    return hand_on(url, ["small"])
