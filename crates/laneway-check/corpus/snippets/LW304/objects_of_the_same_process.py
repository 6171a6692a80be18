import asyncio


async def refresh(devices):
    await asyncio.gather(*(device.refresh() for device in devices))


async def settle(device):
    await device.settle()


async def settle_all(devices):
    await asyncio.gather(*(settle(device) for device in devices))  # expect: LW304:hint
