import time


def send():
    time.sleep(1)  # expect: LW110


def dispatch(method):
    if method == "GET":
        send()
    if method == "HEAD":
        send()


def call(method):
    dispatch(method)


async def probe():
    call("HEAD")


async def purge():
    call("PURGE")
