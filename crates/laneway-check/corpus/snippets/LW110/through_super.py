import requests


class Source:
    def read(self):
        return requests.get("https://example.org")  # expect: LW110


class Cached(Source):
    def __init__(self):
        self.value = None

    def read(self):
        if self.value is None:
            self.value = super().read()
        return self.value


async def value():
    return Cached().read()
