import asyncio

import zmq


class Client:
    def __init__(self, socket: zmq.Socket):
        self.socket = socket

    def send(self, message) -> asyncio.Future:
        return self.socket.send_multipart(message)

    def send_soon(self, message) -> "asyncio.Task[None]":
        return self.socket.send_multipart(message)

    async def call(self, message):
        await self.send(message)
        await self.send_soon(message)
