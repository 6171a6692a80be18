import requests


class Source:
    def read(self):
        return requests.get("https://example.org").text


class Fixed(Source):
    def read(self):
        return "fixed"


async def value():
    return Fixed().read()
