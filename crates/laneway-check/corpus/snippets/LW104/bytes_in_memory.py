import io


async def head(data: bytes):
    buffer = io.BytesIO(data)
    return buffer.read(16)
