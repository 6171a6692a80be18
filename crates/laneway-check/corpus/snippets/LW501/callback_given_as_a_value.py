async def on_close(code):
    print(code)


async def connect(client):
    client.on_close(on_close)
    await client.connect()
