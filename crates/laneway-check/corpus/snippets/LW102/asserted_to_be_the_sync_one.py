import zmq
import zmq.asyncio


async def read(socket: zmq.Socket | zmq.asyncio.Socket):
    if not isinstance(socket, zmq.Socket):
        return None
    return socket.recv()  # expect: LW102
