import requests


async def headers(token):
    session = requests.Session()
    session.headers.update({"Authorization": token})
    return dict(session.headers)
