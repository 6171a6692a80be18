import asyncio
import hashlib


async def key(password, salt):
    return await asyncio.to_thread(hashlib.scrypt, password, salt=salt, n=2**14, r=8, p=1)
