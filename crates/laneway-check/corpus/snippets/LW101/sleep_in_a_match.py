import time


async def wait(kind):
    match kind:
        case "short":
            time.sleep(1)  # expect: LW101
        case "long":
            time.sleep(60)  # expect: LW101
        case _:
            return None
