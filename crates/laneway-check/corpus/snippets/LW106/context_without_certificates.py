import ssl


async def context():
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
