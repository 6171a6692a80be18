import time


class Base:
    def __init__(self):
        self.count = 0

    async def run(self):
        self.step()

    def step(self):
        raise NotImplementedError


class Own(Base):
    def __init__(self):
        super().__init__()

    async def run(self):
        super().__init__()

    def step(self):
        time.sleep(1)


class Other(Base):
    def step(self):
        return self.count
