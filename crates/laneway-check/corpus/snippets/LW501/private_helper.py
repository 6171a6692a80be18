class Cart:
    def __init__(self):
        self.items = []

    async def _add(self, item):  # expect: LW501
        self.items.append(item)

    async def add_all(self, items):
        for item in items:
            await self._add(item)
