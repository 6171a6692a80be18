import requests

DEFAULT = requests.Session()


async def page(url, session=DEFAULT):
    return session.get(url)  # expect: LW102
