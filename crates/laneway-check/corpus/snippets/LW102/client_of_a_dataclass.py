from dataclasses import dataclass

import httpx


@dataclass
class Api:
    client: httpx.Client

    async def user(self, number):
        return self.client.get(f"/users/{number}")  # expect: LW102
