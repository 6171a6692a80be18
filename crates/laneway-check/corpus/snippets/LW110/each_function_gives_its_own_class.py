import abc
import time


class Media(abc.ABC):
    @abc.abstractmethod
    def load(self, data): ...


class Image(Media):
    def load(self, data):
        return data


class Audio(Media):
    def load(self, data):
        time.sleep(1)  # expect: LW110:error
        return data


def load_from(url, media: Media):
    return media.load(url)


def fetch_image(url):
    return load_from(url, Image())


def fetch_audio(url):
    return load_from(url, Audio())


def fetch_any(url):
    return fetch_audio(url)


async def picture(url):
    return fetch_image(url)


async def sound(url):
    return fetch_any(url)
