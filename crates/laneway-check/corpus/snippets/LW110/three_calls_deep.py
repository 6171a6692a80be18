import requests


def download(url):
    return requests.get(url, timeout=10).content  # expect: LW110


def load(name):
    return download(f"https://example.org/{name}")


def image(name):
    return load(f"{name}.png")


async def thumbnail(name):
    return image(name)[:100]
