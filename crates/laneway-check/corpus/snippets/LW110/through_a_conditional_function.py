import sys
import time

if sys.platform == "win32":

    def settle():
        time.sleep(1)  # expect: LW110

else:

    def settle():
        time.sleep(2)  # expect: LW110


async def start():
    settle()
