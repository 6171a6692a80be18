"""The server that the requests go to: it waits, and answers little."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

ANSWER = b'{"items": [1, 2, 3]}'
ECHO_DELAY_S = 0.02


async def wait(request: web.Request) -> web.Response:
    """Answers after so many milliseconds."""
    await asyncio.sleep(int(request.match_info["delay"]) / 1e3)
    return web.Response(body=ANSWER, content_type="application/json")


async def some_bytes(request: web.Request) -> web.Response:
    """Answers so many bytes after 20 ms."""
    await asyncio.sleep(0.02)
    return web.Response(body=bytes(int(request.match_info["size"])))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gives a line back."""
    line = await reader.readline()
    await asyncio.sleep(ECHO_DELAY_S)
    writer.write(line)
    await writer.drain()
    writer.close()


async def main() -> None:
    """Serves on two free ports, which it prints, until it is ended."""
    app = web.Application()
    app.add_routes([web.get("/wait/{delay}", wait), web.get("/bytes/{size}", some_bytes)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2_000)
    await site.start()
    echoes = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=2_000)
    ports = [runner.addresses[0][1], echoes.sockets[0].getsockname()[1]]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
