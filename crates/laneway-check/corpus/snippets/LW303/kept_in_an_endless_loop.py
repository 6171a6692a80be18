import asyncio


class Worker:
    async def run(self):
        while True:
            try:
                await self.work()
            except BaseException as error:  # expect: LW303
                self.last_error = error

    async def run_each(self, jobs):
        while True:
            for job in jobs:
                try:
                    await job()
                except BaseException as error:  # expect: LW303
                    self.last_error = error

    async def report(self, queue):
        while True:
            try:
                await self.work()
            except asyncio.CancelledError as error:  # expect: LW303
                queue.put_nowait(("log", error))

    async def stop(self, queue):
        while True:
            try:
                await self.work()
            except BaseException as error:
                queue.put_nowait(("end", error))
                return

    async def settle(self, future):
        while True:
            try:
                await self.work()
            except BaseException as error:
                future.set_exception(error)
