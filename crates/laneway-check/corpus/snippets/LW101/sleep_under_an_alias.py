import time as clock


class Poller:
    interval = 5

    async def pause(self):
        clock.sleep(self.interval)  # expect: LW101
        return self.interval
