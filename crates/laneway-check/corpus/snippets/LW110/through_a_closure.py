import time


def make(seconds):
    def pause():
        time.sleep(seconds)  # expect: LW110

    return pause


async def start():
    pause = make(2)
    pause()
