import asyncio


class Group:
    async def stop(self):
        for _, task in self.tasks.items():
            task.cancel()
        try:
            await asyncio.gather(*self.tasks.values())
        except BaseException:
            pass

    async def stop_one(self, name):
        task = self.tasks.pop(name)
        task.cancel()
        try:
            await asyncio.wait_for(task, 1)
        except BaseException:
            pass

    async def stop_two(self, reader, writer):
        reader.cancel()
        try:
            await asyncio.wait([writer, reader])
        except BaseException:
            pass
