async def patient(work):
    has_failed = False
    count = 0
    while True:
        try:
            await work()
        except BaseException:  # expect: LW303
            has_failed = True
            count += 1
        if has_failed and count > 1000:
            raise RuntimeError


async def too_late(work):
    has_failed = False
    while True:
        try:
            if await work():
                break
        except BaseException:  # expect: LW303
            has_failed = True
    if has_failed:
        raise RuntimeError


async def at_once(work):
    has_failed = False
    while True:
        try:
            await work()
        except BaseException:
            has_failed = True
        if has_failed:
            raise RuntimeError


async def after_the_loop(work):
    has_failed = False
    while True:
        try:
            await work()
        except BaseException:
            has_failed = True
            break
    if has_failed:
        raise RuntimeError
