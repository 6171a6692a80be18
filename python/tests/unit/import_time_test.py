"""`import laneway` is quick, because it leaves out what a module with tasks does not need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("asyncio", "msgspec", "laneway._native", "typing_extensions", "dataclasses", "uuid")

PROGRAM = f"""
import sys
from laneway import Backoff, Laneway, Rate, inject
app = Laneway()
@app.task(retry=Backoff(3), limit=Rate("5/s"))
async def fetch(url: str) -> int: ...
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_importing_an_application_loads_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_every_public_name_can_be_imported() -> None:
    program = "import laneway; print(all(hasattr(laneway, name) for name in laneway.__all__))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "True\n"
