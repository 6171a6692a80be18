import requests


class Remote:
    def __getitem__(self, key):
        return requests.get(f"https://example.org/{key}").json()  # expect: LW110 (missed: an index)


async def value():
    remote = Remote()
    return remote["x"]
