class Service:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None
