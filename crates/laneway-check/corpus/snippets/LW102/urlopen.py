from urllib.request import urlopen


async def page():
    with urlopen("https://example.org") as answer:  # expect: LW102
        return answer.status
