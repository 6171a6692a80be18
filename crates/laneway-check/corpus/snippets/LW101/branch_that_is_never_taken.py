import time
from typing import TYPE_CHECKING


async def run(transaction):
    if False and transaction:
        time.sleep(1)
    if TYPE_CHECKING:
        time.sleep(2)
    if not TYPE_CHECKING:
        time.sleep(3)  # expect: LW101
