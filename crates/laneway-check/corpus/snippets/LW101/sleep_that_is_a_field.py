from dataclasses import dataclass
from collections.abc import Awaitable, Callable


@dataclass
class Pause:
    sleep: Callable[[float], Awaitable[None]]

    async def pause(self):
        await self.sleep(1.0)
