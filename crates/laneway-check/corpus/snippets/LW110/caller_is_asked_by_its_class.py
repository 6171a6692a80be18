import time


class Base:
    async def run(self):
        self.step()

    def step(self):
        raise NotImplementedError


class Named(Base):
    async def run(self):
        await Base.run(self)

    def step(self):
        time.sleep(1)  # expect: LW110


class Between(Base):
    async def run(self):
        await self.inner()

    async def inner(self):
        await super().run()

    def step(self):
        time.sleep(1)  # expect: LW110
