import requests


async def page(url, session: requests.Session | None = None):
    session = session or requests.Session()
    return session.get(url)  # expect: LW102
