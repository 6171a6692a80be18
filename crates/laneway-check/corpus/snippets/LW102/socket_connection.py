import socket


async def probe(host):
    with socket.create_connection((host, 443), timeout=3):  # expect: LW102
        return True
