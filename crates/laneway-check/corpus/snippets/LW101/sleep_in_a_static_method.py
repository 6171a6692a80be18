import time as t


class Clock:
    @staticmethod
    async def tick():
        t.sleep(1)  # expect: LW101
