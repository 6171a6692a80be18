import time
from abc import ABC, abstractmethod


class Config(ABC):
    @abstractmethod
    def validate(self): ...


class AudioConfig(Config, ABC):
    pass


class SpeechConfig(AudioConfig):
    def validate(self):
        return True


class ChatConfig(Config):
    def validate(self):
        time.sleep(3)


async def transcribe(config: AudioConfig):
    return config.validate()
