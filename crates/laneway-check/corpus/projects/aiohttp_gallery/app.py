import asyncio

from aiohttp import web

from gallery import thumbnail


async def show(request):
    data = thumbnail(request.match_info["name"])
    return web.Response(body=data)


async def show_well(request):
    data = await asyncio.to_thread(thumbnail, request.match_info["name"])
    return web.Response(body=data)


def routes():
    app = web.Application()
    app.router.add_get("/slow/{name}", show)
    app.router.add_get("/{name}", show_well)
    return app


if __name__ == "__main__":
    web.run_app(routes())
