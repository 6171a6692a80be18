import time


def settle(seconds):
    time.sleep(seconds)  # expect: LW110
    return seconds


async def start(pauses):
    return list(map(settle, pauses))
