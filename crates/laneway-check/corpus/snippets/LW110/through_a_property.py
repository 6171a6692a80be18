import requests


class Account:
    def __init__(self, number):
        self.number = number

    @property
    def balance(self):
        return requests.get(f"https://example.org/{self.number}").json()  # expect: LW110


async def total(accounts: list[Account]):
    first = Account(1)
    return first.balance
