import asyncio

from client.compat import decode, name
from client.transport import NonBlocking, Transport


async def call(host, body):  # expect: LW501
    transport = Transport(host)
    return name(transport), decode(transport.ask(body))


async def call_well(host, body):
    reader, writer = await asyncio.open_connection(host, 80)
    transport = NonBlocking(reader, writer)
    return name(transport), await transport.ask(body)


def call_from_a_thread(host, body):
    return Transport(host).ask(body)
