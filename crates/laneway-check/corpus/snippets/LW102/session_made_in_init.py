import requests


class Api:
    def __init__(self):
        self.session = requests.Session()

    async def user(self, number):
        return self.session.get(f"https://example.org/{number}")  # expect: LW102
