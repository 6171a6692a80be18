import requests


class Session:
    def __init__(self, url):
        self.url = url

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            requests.post(self.url)  # expect: LW110


async def work():
    with Session("https://example.org"):
        pass
