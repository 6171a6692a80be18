import time


async def settle():
    time.sleep(0.001)  # expect: LW101:hint
    time.sleep(0.02)  # expect: LW101:error
