from collections.abc import Awaitable
from typing import Any

import zmq


class Client:
    def __init__(self, socket: zmq.Socket):
        self.socket = socket

    def send(self, message) -> Awaitable[Any]:
        return self.socket.send_multipart(message)

    async def call(self, message):
        await self.send(message)
