import asyncio
from dataclasses import dataclass, field


@dataclass
class Question:
    text: str
    answer: asyncio.Future = field(
        default_factory=lambda: asyncio.get_event_loop().create_future()  # expect: LW402:hint
    )


def run(work):
    return asyncio.get_event_loop().run_until_complete(work)  # expect: LW402:warning
