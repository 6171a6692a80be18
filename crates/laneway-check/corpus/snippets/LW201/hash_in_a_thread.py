import asyncio

import bcrypt


async def register(password: bytes):
    return await asyncio.to_thread(bcrypt.hashpw, password, bcrypt.gensalt())
