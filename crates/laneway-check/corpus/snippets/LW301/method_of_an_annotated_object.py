class Channel:
    async def send(self, text):
        return text


async def hello(channel: Channel):
    channel.send("hello")  # expect: LW301
    await channel.send("world")
