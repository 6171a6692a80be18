import requests


def call(url, models=None):
    if models is None:
        models = load()
    if models:
        return requests.get(url)  # expect: LW110
    return None


def load(): ...


async def handler(url):
    return call(url)
