"""The other end of the process lane: a process that runs items one after another.

It ends when its pipe does. While it computes it cannot see that, so the kernel tells it: on Linux
the far end of the lifeline raises SIGIO when the parent is gone, however that died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from laneway._map._pickling import dumps, loads, not_importable, not_picklable
from laneway.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

FLUSH_S = 0.002
"""Results of short items travel together; one that took so long travels at once."""

is_inside = False
"""Whether this process is one of the process lane."""

is_preparing = False
"""Whether this process imports the main program, to find the function in it."""

Outcome = tuple[bool, Any, str]
"""Whether it succeeded, the result or the exception, and the traceback."""


def serve(pipe: Connection, fn: Callable[[Any], Any]) -> None:
    """Runs items until the pipe ends.

    Args:
        pipe: Lists of items come from it, and lists of outcomes with their seconds go to it.
        fn: What to call.
    """
    global is_inside  # noqa: PLW0603 - it is a fact of the whole process
    is_inside = True
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, ConnectionError):
            return
        try:
            items = loads(message)
        except Exception as error:  # noqa: BLE001 - unpickling runs the items' own code
            count = -1
            pipe.send_bytes(dumps((count, [_refused("an item", error)], 0.0)))
            continue
        _run(pipe, fn, items)


def _run(pipe: Connection, fn: Callable[[Any], Any], items: list[Any]) -> None:
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    last = len(items) - 1
    for number, item in enumerate(items):
        try:
            outcomes.append((True, fn(item), ""))
        except BaseException as raised:  # noqa: BLE001 - the parent decides what it means
            outcomes.append((False, raised, traceback.format_exc()))
        now = time.perf_counter()
        if number == last or now - began >= FLUSH_S:
            pipe.send_bytes(_packed(outcomes, now - began))
            outcomes = []
            began = time.perf_counter()


def _packed(outcomes: list[Outcome], seconds: float) -> bytes:
    """All outcomes, or, if one cannot travel, an error in its place."""
    if all(outcome[0] for outcome in outcomes):
        with contextlib.suppress(Exception):
            return dumps((len(outcomes), outcomes, seconds))
    return dumps((len(outcomes), [_sendable(outcome) for outcome in outcomes], seconds))


def _sendable(outcome: Outcome) -> Outcome:
    try:
        text = dumps(outcome)
        # Exceptions with arguments of their own are often pickled without complaint and then
        # cannot be read.
        if not outcome[0]:
            loads(text)
    except Exception as error:  # noqa: BLE001 - pickling runs the value's own code
        if outcome[0]:
            return _refused("the result", error)
        raised = outcome[1]
        return False, not_picklable(f"`{type(raised).__name__}: {raised}`", error), outcome[2]
    return outcome


def _refused(what: str, error: BaseException) -> Outcome:
    return False, not_picklable(what, error), ""


def settle_in(lifeline: int) -> None:
    """Makes a new process independent of its parent's terminal, and mortal with its parent.

    Args:
        lifeline: The reading end of a pipe that only the parent keeps open for writing.
    """
    # A group of its own: Ctrl-C is the parent's to answer, and what an item starts dies with it.
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - does not exist on every system

        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        # It may have died before: then there is no change left to be told of.
        with contextlib.suppress(BlockingIOError):
            if os.read(lifeline, 1) == b"":
                os._exit(1)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.close(devnull)
    if sys.stdin is not None and sys.stdin.closed is False:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives on


def main() -> None:
    """A process that was not forked: learns the function from its pipe, then serves."""
    global is_preparing  # noqa: PLW0603 - it is a fact of the whole process
    from multiprocessing import spawn  # noqa: PLC0415 - forked processes do without
    from multiprocessing.connection import Connection  # noqa: PLC0415

    pipe: Connection = Connection(int(sys.argv[1]))
    settle_in(int(sys.argv[2]))
    preparation, function = loads(pipe.recv_bytes())
    main_program = preparation.get("init_main_from_path") or preparation.get("init_main_from_name")
    imported = "the main program" if main_program is None else f"`{main_program}`"
    try:
        is_preparing = True
        spawn.prepare(preparation)
        imported = "its module"
        fn = loads(function)
        is_preparing = False
    except BaseException as raised:  # noqa: BLE001 - the parent tells it
        error = raised if isinstance(raised, MapError) else not_importable(imported, raised)
        pipe.send_bytes(dumps(error))
        return
    pipe.send_bytes(dumps(None))
    serve(pipe, fn)
