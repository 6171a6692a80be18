import requests


class Fetch:
    def __call__(self, url):
        return requests.get(url)  # expect: LW110


async def page():
    fetch = Fetch()
    return fetch("https://example.org")
