import ssl

CONTEXT = ssl.create_default_context()


async def context():
    return CONTEXT
