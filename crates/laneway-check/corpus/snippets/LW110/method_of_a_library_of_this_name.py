import time

import acme


class Client:
    def loads(self, is_forced=False):
        if is_forced:
            time.sleep(1)


async def handler(client: Client, text: str):
    client.loads()
    return acme.loads(text, True)
