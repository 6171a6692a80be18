from typing import Any

import zmq


class Client:
    def __init__(self, socket: zmq.Socket):
        self.socket = socket

    def send(self, message) -> Any:
        return self.socket.send_multipart(message)  # expect: LW110

    async def call(self, message):
        self.send(message)
