import abc


class Plugin(abc.ABC):
    name = "plugin"

    def report(self):
        return f"{self.name}: {self.value()}"

    @abc.abstractmethod
    def value(self):
        raise NotImplementedError

    async def publish(self, channel):
        await channel.send(self.report())
