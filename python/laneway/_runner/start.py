"""How a runner begins: take the socket, import the application, say hello."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import platform
import signal
import sys
from typing import TYPE_CHECKING

from laneway import _runner
from laneway._bridge import ProfileBook, RunnerChannel
from laneway._options import is_async
from laneway._reference import as_module
from laneway._runner.ends import sizes
from laneway._runner.facts import awaits_something, library_names
from laneway._runner.loader import load
from laneway._runner.movable import cold_caches, why_held
from laneway.errors import LanewayError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from laneway._app import Laneway

log = logging.getLogger("laneway")

STORE_OF_WORKER = "LANEWAY_WORKER_STORE"
"""The environment variable by which a worker tells its runners which store it serves."""

PAYLOAD_MAX_OF_WORKER = "LANEWAY_WORKER_PAYLOAD_MAX"
"""The environment variable by which a worker tells its runners the most bytes of a result."""

NICENESS_OF_PROCESS_LANE = 10
"""So that computing never keeps the event loop and the supervisor from their turn."""


def start(arguments: Sequence[str]) -> int:
    """Runs a runner to its end; gives the exit status.

    Args:
        arguments: The command line without the program.
    """
    options = _options(arguments)
    _runner.kind = options.kind
    _leave_signals_to_the_supervisor()
    channel = _channel(options.fd)
    if options.kind == "process":
        os.nice(NICENESS_OF_PROCESS_LANE)
    # The application must not take the runner's arguments for its own.
    del sys.argv[1:]
    try:
        app = load(options.app)
    except LanewayError as error:
        channel.refuse(error.code, error.what, error.why, error.fix)
        channel.flush()
        return 2
    _say_hello(channel, app, (options.app, app.identity(as_module(options.app))))
    book = ProfileBook(channel, _interpreter())
    # What tasks enqueue goes to the store that this worker serves, whatever the code says. It is
    # taken out of the environment, since programs that tasks start are no part of this worker.
    app.store = os.environ.pop(STORE_OF_WORKER, app.store)
    sizes.result_bytes_max = int(os.environ.pop(PAYLOAD_MAX_OF_WORKER, sizes.result_bytes_max))
    # What was imported stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    if options.kind == "process":
        from laneway._runner.process import ProcessRunner  # noqa: PLC0415 - it needs no `asyncio`

        ProcessRunner(app, channel, book).run()
    else:
        from laneway._runner.main import MainRunner, new_event_loop  # noqa: PLC0415 - as above

        MainRunner(app, channel, book, new_event_loop()).run()
    book.flush()
    channel.flush()
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="laneway._runner", description=__doc__)
    parser.add_argument("--kind", choices=("main", "process"), required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--app", required=True)
    return parser.parse_args(arguments)


def _channel(fd: int) -> RunnerChannel:
    """Takes the socket over, so that programs started by tasks do not inherit it."""
    channel = RunnerChannel(fd)
    # The channel has a descriptor of its own, and has made standard input an empty file.
    if fd != 0:
        os.close(fd)
    return channel


def _leave_signals_to_the_supervisor() -> None:
    """A Ctrl-C reaches every process of a terminal; only the supervisor knows how to end well.

    The handlers do nothing, instead of the signals being ignored: programs that tasks start get the
    default actions back, and so do forked children.
    """
    # The last is the supervisor's word to a process runner that has not begun to listen to it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _do_nothing)
    os.register_at_fork(after_in_child=_restore_signals)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _restore_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def _say_hello(channel: RunnerChannel, app: Laneway, names: tuple[str, str]) -> None:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    tasks = [
        (
            name,
            definition.settings.first_lane,
            definition.settings.queue,
            (
                is_async(definition.function),
                awaits_something(definition.function),
                why_held(definition) if definition.settings.lane == "auto" else None,
                definition.settings.thread_safe,
                library_names(definition.function),
            ),
        )
        for name, definition in app.definitions.items()
    ]
    channel.hello(names, app.store, python, tasks)
    if _runner.kind == "main":
        _warn_of_cold_caches(app)


def _warn_of_cold_caches(app: Laneway) -> None:
    """Says once which caches are worth less than they seem."""
    for name, definition in app.definitions.items():
        caches = cold_caches(definition) if definition.settings.lane == "auto" else []
        if caches:
            log.warning(
                'the task `%s` has `lane="auto"` and uses a cache that every process fills anew: '
                "`%s`",
                name,
                "`, `".join(caches),
            )


def _interpreter() -> str:
    """The build of Python: evidence of one says little of another."""
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"{sys.implementation.cache_tag}{'' if has_gil else 't'}"
