from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


async def status(answer: requests.Response) -> int:
    return answer.status_code
