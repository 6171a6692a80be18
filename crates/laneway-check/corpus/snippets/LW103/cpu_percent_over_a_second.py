import psutil


async def load():
    return psutil.cpu_percent(interval=1)  # expect: LW103
