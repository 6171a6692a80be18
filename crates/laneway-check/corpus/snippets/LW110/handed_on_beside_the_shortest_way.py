import time

from hooks import register


def slow():
    time.sleep(1)  # expect: LW110


def check(mode):
    if mode == "full":
        slow()


def report(mode):
    if mode == "full":
        slow()


register(report)


async def first():
    check("quick")
    check("short")


async def second():
    report("quick")
    report("short")
