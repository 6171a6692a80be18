import requests


def load(url, how="cached"):
    if how == "wait":
        return requests.get(url)  # expect: LW110
    return None


async def look(url, **options):
    return load(url, **options)
