"""How the client is used."""

from mail.client import deliver, send, send_async


async def greet(address):
    send(address, "hello")
    deliver("hello")
    await send_async(address, "hello again")
