import time


def assigned(flag=False):
    def turn():
        nonlocal flag
        flag = True

    turn()
    if flag:
        time.sleep(1)  # expect: LW110


def assigned_deeper(flag=False):
    def turn():
        def again():
            nonlocal flag
            flag = True

        again()

    turn()
    if flag:
        time.sleep(1)  # expect: LW110


def own(flag=False):
    def turn():
        flag = True
        return flag

    turn()
    if flag:
        time.sleep(1)


async def handler():
    assigned()
    assigned_deeper()
    own()
