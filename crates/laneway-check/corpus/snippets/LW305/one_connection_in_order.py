async def send_all(writer, lines):
    for line in lines:
        writer.write(line)
        await writer.drain()
