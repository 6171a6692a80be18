import os
import time


class Settings:
    MODE = os.environ.get("MODE", "slow")
    SLOW = "slow"


def work(mode):
    if mode == Settings.SLOW:
        time.sleep(1)  # expect: LW110


async def handler():
    work(Settings.MODE)
