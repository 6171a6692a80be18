import time


def settle():
    time.sleep(1)


def main():
    settle()


async def start():
    return settle
