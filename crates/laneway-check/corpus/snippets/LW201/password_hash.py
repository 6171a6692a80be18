import bcrypt


async def register(password: bytes):
    return bcrypt.hashpw(password, bcrypt.gensalt())  # expect: LW201:error
