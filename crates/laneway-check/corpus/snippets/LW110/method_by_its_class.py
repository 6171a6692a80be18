import requests


class Base:
    def load(self, how=None, url=None):
        if how == "wait":
            return requests.get(url)  # expect: LW110
        return None


class Own(Base):
    async def look(self, url):
        return Base.load(self, "wait", url)
