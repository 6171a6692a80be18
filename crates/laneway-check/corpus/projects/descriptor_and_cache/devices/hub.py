import asyncio

from devices.meter import Meter


class Hub:
    meter: Meter

    def __init__(self):
        self.values = {}

    async def open(self, port):
        self.meter = Meter(port)
        return await asyncio.to_thread(lambda: self.meter.model)

    async def model(self):  # expect: LW501
        return Meter.parse(self.meter.model)

    async def cached(self, name):  # expect: LW501
        return self.values.get(name)
