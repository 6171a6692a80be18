import time


def supported() -> bool:
    """All support it now."""
    return True


async def handler():
    if supported() is True:
        return
    else:
        time.sleep(3)


async def other():
    if supported():
        time.sleep(3)  # expect: LW101
