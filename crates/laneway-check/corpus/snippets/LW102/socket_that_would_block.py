import socket


async def accept(readable, listener: socket.socket):
    while True:
        await readable(listener)
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError):
            continue
        return connection
