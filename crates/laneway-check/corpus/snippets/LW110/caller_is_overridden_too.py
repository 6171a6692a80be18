import abc

import requests


class Config(abc.ABC):
    @abc.abstractmethod
    def request(self, query): ...

    async def arequest(self, query):
        return self.request(query)


class Remote(Config):
    def request(self, query):
        return requests.post(query)

    async def arequest(self, query):
        return query


class Local(Config):
    def request(self, query):
        return query
