import ssl


async def context():
    return ssl.create_default_context()  # expect: LW106
