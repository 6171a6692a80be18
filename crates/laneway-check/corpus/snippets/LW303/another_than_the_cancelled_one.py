class Alarm:
    async def run(self):
        while True:
            self.timer.cancel()
            try:
                await self.wakeup
            except BaseException:  # expect: LW303
                pass
