import time


def save(kind):
    if kind == "slow":
        time.sleep(1)


def keep(kind, is_synced=False):
    if is_synced:
        save(kind)
    elif kind != "slow":
        save("later")


async def quick():
    save("quick")
    keep("quick")


async def other():
    save("none")
    keep("none", is_synced=True)
