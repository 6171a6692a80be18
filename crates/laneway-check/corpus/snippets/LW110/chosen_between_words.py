import time


def head(number):
    time.sleep(number)  # expect: LW110


def ahead(number):
    return number


def fetch(number):
    time.sleep(number)  # expect: LW110


def fetch_async(number):
    return number


async def run(flag):
    step = ahead if flag else head
    step(1)
    get = fetch_async if flag else fetch
    get(1)
