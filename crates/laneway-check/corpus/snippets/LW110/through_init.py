import time


class Device:
    def __init__(self, name):
        self.name = name
        time.sleep(1)  # expect: LW110


async def connect(name):
    return Device(name)
