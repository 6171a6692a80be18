import time


class Client:
    def load(self, is_forced=False):
        if is_forced:
            time.sleep(1)  # expect: LW110


class Watch:
    def on_event(self, kind):
        if kind == "error":
            time.sleep(1)  # expect: LW110

    async def start(self, bus):
        bus.subscribe("error", self.on_event)
        self.on_event("start")


async def handler(client: Client):
    client.load()


async def other(client):
    client.load(True)
