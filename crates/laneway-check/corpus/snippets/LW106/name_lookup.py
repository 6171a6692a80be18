import socket


async def address(host):
    return socket.gethostbyname(host)  # expect: LW106
