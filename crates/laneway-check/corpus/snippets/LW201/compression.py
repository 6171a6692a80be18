import zlib


async def pack(data: bytes):
    return zlib.compress(data, 9)  # expect: LW201
