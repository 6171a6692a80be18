"""Start Redis and PostgreSQL for a command, and end them with it.

`services.py run [redis] [postgres] -- command…` gives the command the URLs of the servers in
`LANEWAY_TEST_REDIS_URL` and `LANEWAY_TEST_POSTGRES_URL` and ends with its status. `pgbouncer` is a
PostgreSQL server with PgBouncer before it, in transaction mode. `services.py install` installs what
is missing and starts nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from servers import (
    PgBouncer,
    PostgresServer,
    ProgramMissingError,
    RedisServer,
    Server,
    ServerFailedError,
)
from servers.programs import pgbouncer_program, postgres_programs, redis_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType


def pooled(stack: ExitStack) -> Server:
    """Start a PostgreSQL server, and a pooler before it."""
    server = stack.enter_context(PostgresServer())
    return stack.enter_context(PgBouncer(server.url))


SERVERS: Mapping[str, tuple[Callable[[ExitStack], Server], str]] = {
    "redis": (lambda stack: stack.enter_context(RedisServer()), "LANEWAY_TEST_REDIS_URL"),
    "postgres": (lambda stack: stack.enter_context(PostgresServer()), "LANEWAY_TEST_POSTGRES_URL"),
    "pgbouncer": (pooled, "LANEWAY_TEST_POSTGRES_URL"),
}
#: What is started when nothing is named.
USUAL = ("redis", "postgres")
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
UNUSABLE = 2


class EndedError(BaseException):
    """A signal asked for the end before the command had started."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def end_before_start(number: int, _frame: FrameType | None) -> None:
    """Leave by an exception, so that every server that is up is taken down."""
    raise EndedError(number)


def run(names: list[str], command: list[str]) -> int:
    """Run the command beside the servers; gives its status as a shell would."""
    for number in SIGNALS:
        signal.signal(number, end_before_start)
    with ExitStack() as stack:
        environment = dict(os.environ)
        for name in names:
            start, variable = SERVERS[name]
            started = time.monotonic()
            server = start(stack)
            environment[variable] = server.url
            tell(f"{name} on port {server.port} after {time.monotonic() - started:.1f} s")
        return status_of(command, environment)


def status_of(command: list[str], environment: dict[str, str]) -> int:
    """Run the command and pass signals on to it."""
    # The command is started with the signals held back, so that none is lost between its start and
    # the moment from which they are passed on.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        # There is no other thread whose locks could be held between fork and exec.
        child = subprocess.Popen(
            command,
            env=environment,
            preexec_fn=let_signals_in,  # noqa: PLW1509
        )
    except OSError as error:
        tell(f"`{command[0]}` cannot be started: {error}")
        return 127

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C means "at once" to many programs.
        if number != signal.SIGINT or not terminal_tells_all():
            child.send_signal(number)

    for number in SIGNALS:
        signal.signal(number, pass_on)
    let_signals_in()
    status = child.wait()
    return status if status >= 0 else 128 - status


def terminal_tells_all() -> bool:
    """Whether a Ctrl-C reaches the command, too, because the terminal sends it to both."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def let_signals_in() -> None:
    """Deliver the signals that were held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def install() -> Iterator[str]:
    """Install what is missing; gives what there is."""
    yield f"redis: {redis_program()}"
    yield f"postgres: {postgres_programs().postgres}"
    yield f"pgbouncer: {pgbouncer_program()}"


def tell(text: str) -> None:
    """Tell a person; standard output is the command's."""
    print(f"services: {text}", file=sys.stderr)


def main(words: list[str]) -> int:
    """Read the command line; what follows `--` is not read but run."""
    ours, command = words, list[str]()
    if "--" in words:
        place = words.index("--")
        ours, command = words[:place], words[place + 1 :]
    parser = argparse.ArgumentParser(description="Servers for tests and benchmarks.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("install", help="install what is missing")
    runs = actions.add_parser("run", help="run a command beside servers: run redis -- command…")
    runs.add_argument(
        "names",
        nargs="*",
        metavar="redis|postgres|pgbouncer",
        help="the first two when none is named",
    )
    arguments = parser.parse_args(ours)
    try:
        if arguments.action == "install":
            for line in install():
                tell(line)
            return 0
        names: list[str] = arguments.names or list(USUAL)
        if unknown := [name for name in names if name not in SERVERS]:
            parser.error(f"`{unknown[0]}` is none of {', '.join(SERVERS)}")
        if not command:
            parser.error("no command follows `--`")
        return run(names, command)
    except (ProgramMissingError, ServerFailedError) as error:
        tell(str(error))
        return UNUSABLE
    except EndedError as ended:
        return ended.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
