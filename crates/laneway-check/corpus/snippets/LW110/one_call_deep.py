import time


def back_off(attempt):
    time.sleep(2**attempt)  # expect: LW110


async def fetch(call):
    for attempt in range(3):
        try:
            return await call()
        except ConnectionError:
            back_off(attempt)
    return None
