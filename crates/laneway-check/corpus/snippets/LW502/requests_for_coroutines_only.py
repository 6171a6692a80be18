import requests  # expect: LW502


async def page(url):
    return requests.get(url).text  # expect: LW102


async def send(url, body):
    return requests.post(url, json=body).status_code  # expect: LW102
