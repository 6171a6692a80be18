import time


class Store:
    def close(self) -> None:
        time.sleep(1)


class AsyncStore(Store):
    pass


class Service:
    store: Store

    async def stop(self):
        # Awaiting nothing fails at once: whoever wrote this has another store here.
        await self.store.close()
