import requests


async def page(url):
    if (answer := requests.get(url)).ok:  # expect: LW102
        return answer.text
    return None
