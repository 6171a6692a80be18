class Store:
    async def flush(self):
        return None

    async def close(self):
        self.flush()  # expect: LW301
