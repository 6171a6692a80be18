import time


def save(kind):
    if kind == "slow":
        time.sleep(1)  # expect: LW110


def keep(kind):
    save(kind)


async def quick():
    save("quick")


async def slow():
    keep("slow")
