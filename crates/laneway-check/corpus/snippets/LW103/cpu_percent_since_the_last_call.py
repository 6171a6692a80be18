import psutil


async def load():
    return psutil.cpu_percent(interval=None), psutil.cpu_percent()
