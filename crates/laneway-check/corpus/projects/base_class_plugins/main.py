import asyncio

from plugins import Weather
from plugins.weather import Fixed


async def main(channel):
    await Weather().publish(channel)
    await Fixed().publish(channel)


def start(channel):
    asyncio.run(main(channel))
