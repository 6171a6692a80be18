import asyncio


class Flusher:
    def __init__(self, flush):
        self.flush = flush
        self.stopping = False

    async def run(self):
        while True:
            try:
                await asyncio.sleep(1)
                await self.flush()
            except asyncio.CancelledError:
                if self.stopping:
                    return
                print("a driver raised it; the work goes on")
