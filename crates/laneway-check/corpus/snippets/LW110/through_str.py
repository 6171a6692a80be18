import requests


class Quote:
    def __str__(self):
        return requests.get("https://example.org/quote").text  # expect: LW110 (missed: str())


async def say():
    return str(Quote())
