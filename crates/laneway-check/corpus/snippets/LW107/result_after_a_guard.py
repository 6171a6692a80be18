from concurrent.futures import Future


class Upload:
    def __init__(self, future: Future):
        self.future = future

    async def size(self):
        if not self.future.done():
            return None
        return self.future.result()
