import requests


class Prices:
    def __init__(self, base):
        self.base = base

    def one(self, name):
        return requests.get(f"{self.base}/{name}", timeout=3).json()  # expect: LW110:error

    def every(self):
        return requests.get(f"{self.base}/all", timeout=3).json()


def current_price(name):
    return Prices("https://example.org").one(name)
