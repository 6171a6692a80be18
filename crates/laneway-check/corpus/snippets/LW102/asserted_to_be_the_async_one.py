import zmq
import zmq.asyncio


async def read(socket: zmq.Socket | zmq.asyncio.Socket):
    assert isinstance(socket, zmq.asyncio.Socket)
    return socket.recv()
