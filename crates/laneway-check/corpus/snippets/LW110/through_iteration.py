import requests


class Pages:
    def __iter__(self):
        for number in range(3):
            yield requests.get(f"https://example.org/{number}")  # expect: LW110


async def lengths():
    return [len(page.content) for page in Pages()]
