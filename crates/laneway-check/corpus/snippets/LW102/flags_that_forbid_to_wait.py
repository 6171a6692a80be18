import zmq


async def read(socket: zmq.Socket):
    return socket.recv(zmq.NOBLOCK), socket.recv_json(flags=zmq.DONTWAIT)


async def wait(socket: zmq.Socket):
    return socket.recv()  # expect: LW102
