import socket


class Transport:
    name = "tcp"

    def __init__(self, host):
        self.socket = socket.create_connection((host, 80))  # expect: LW110:error

    def ask(self, body):
        self.socket.sendall(body)  # expect: LW110:warning
        return self.socket.recv(1024)  # expect: LW110:warning


class NonBlocking:
    name = "loop"

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, body):
        self.writer.write(body)
        await self.writer.drain()
        return await self.reader.read(1024)
