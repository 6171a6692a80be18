import hashlib


async def etag(name: str):
    return hashlib.sha256(name.encode()).hexdigest()
