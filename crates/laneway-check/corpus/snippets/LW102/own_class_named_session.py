class Session:
    def __init__(self):
        self.values = {}

    def get(self, key):
        return self.values.get(key)


async def lookup(session: Session, key: str):
    return session.get(key)
