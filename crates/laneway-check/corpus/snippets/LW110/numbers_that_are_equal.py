import time


def one(flag):
    if flag == True:  # noqa: E712
        time.sleep(1)  # expect: LW110


def two(number):
    if number == 1:
        time.sleep(1)  # expect: LW110


def three(number):
    if number == 1:
        time.sleep(1)


def four(word):
    if word == "1":
        time.sleep(1)


async def handler():
    one(1)
    two(1.0)
    three(2)
    four(1)
