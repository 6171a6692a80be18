import time


def first():
    time.sleep(1)  # expect: LW110


async def start():
    for step in (first,):
        step()
