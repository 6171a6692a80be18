import requests


async def both():
    with requests.Session() as session:
        first = session.get("https://example.org/1")  # expect: LW102
        second = session.post("https://example.org/2")  # expect: LW102
    return first, second
