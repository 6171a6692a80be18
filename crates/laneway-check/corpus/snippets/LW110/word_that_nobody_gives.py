import requests


def load(url, how):
    if how == "wait":
        return requests.get(url)
    return None


async def look(url):
    return load(url, "cached")


async def look_again(url):
    return load(how="cached", url=url)
