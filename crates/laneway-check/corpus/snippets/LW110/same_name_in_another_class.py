import time


class Machine:
    def start(self):
        time.sleep(5)


class Clock:
    def start(self):
        self.running = True


async def begin():
    clock = Clock()
    clock.start()
