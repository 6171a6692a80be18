import asyncio
from dataclasses import dataclass

import requests


@dataclass
class Task:
    number: int


def load(number) -> Task:
    return requests.get(f"https://example.org/{number}")  # expect: LW110


def load_soon(number) -> "Task":
    return requests.get(f"https://example.org/{number}")  # expect: LW110


async def handler():
    await asyncio.sleep(1)
    load(1)
    load_soon(2)
