import time


def send():
    time.sleep(1)


def dispatch(method):
    if method == "GET":
        send()
    if method == "HEAD":
        send()


def call(method):
    dispatch(method)


def call_again(method):
    call(method)
    if method != "PURGE":
        call(method)


async def patch():
    call_again("PATCH")


async def purge():
    call("PURGE")
