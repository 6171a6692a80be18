import requests


class Lease:
    def __enter__(self):
        self.token = requests.post("https://example.org/lease").text  # expect: LW110
        return self

    def __exit__(self, *_):
        requests.delete(f"https://example.org/lease/{self.token}")  # expect: LW110


async def work():
    with Lease() as lease:
        return lease.token
