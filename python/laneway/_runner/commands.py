"""Takes the supervisor's commands from the socket."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from laneway._bridge import NativeError, to_public

if TYPE_CHECKING:
    from laneway._bridge import RunCommand, RunnerChannel


def receive(
    channel: RunnerChannel, *, block: bool
) -> tuple[list[RunCommand], list[tuple[int, str]], list[int], bool]:
    """Commands that have come: runs, stops, pings, and whether to drain.

    Without a supervisor that it understands, a runner ends at once: nobody would hear of any end,
    and its jobs run elsewhere.

    Args:
        channel: The socket.
        block: Whether to wait for the first.
    """
    try:
        return channel.receive(block=block)
    except EOFError:
        os._exit(1)
    except NativeError as error:
        sys.stderr.write(f"{to_public(error)}\n")
        sys.stderr.flush()
        os._exit(1)
