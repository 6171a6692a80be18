import anyio


async def template(name):
    return await anyio.Path("templates", name).read_text()
