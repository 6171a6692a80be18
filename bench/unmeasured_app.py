"""The tasks of `bench_app`, in a runner whose meter is taken out: for `measuring_cost.py`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from bench_app import app

from laneway._runner import main
from laneway._runner.ends import encoded, raised

if TYPE_CHECKING:
    from laneway._current import Attempt
    from laneway._runner.ends import End
    from laneway._runner.invocation import Invocation

__all__ = ["app"]


async def unmeasured(
    self: Any,  # noqa: ANN401 - a `MainRunner`, whose members it uses
    attempt: Attempt,
    invocation: Invocation,
    _meter: object,
    payload: bytes,
) -> None:
    """What a runner does for an attempt, with nothing but the time of the wall."""
    main.attempt_here.set(attempt)
    started_ns = time.perf_counter_ns()
    end: End
    try:
        result = await invocation.call(payload)
    except asyncio.CancelledError as error:
        end = attempt.stop_reason or raised(error)
    except BaseException as error:  # noqa: BLE001 - as a runner does
        end = raised(error)
    else:
        end = encoded(result, invocation.name)
    wall_us = (time.perf_counter_ns() - started_ns) // 1_000
    self._running.pop(attempt.ticket, None)
    if not self._ends:
        self._loop.call_soon(self._report_ends)
    self._ends.append((attempt.ticket, (wall_us, None), end))


cast("Any", main.MainRunner)._attempt = unmeasured  # noqa: SLF001 - that is what is compared
