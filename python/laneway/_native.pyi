"""The native half of Laneway: the client of a store and the runner's side of its socket.

Only `laneway._bridge` imports this module. Everything here is thread-safe unless it says otherwise,
and releases the GIL while it waits.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, final

__all__ = [
    "Client",
    "JobTemplate",
    "Mailbox",
    "NativeError",
    "RunnerChannel",
    "error_codes",
    "main",
    "raise_in_thread",
    "version",
]

version: Final[str]
"""The release of this build."""

error_codes: Final[dict[str, tuple[str, str]]]
"""Every error code (`LW1001`) with its title and its general advice."""

_JobEnd: TypeAlias = tuple[str, bytes | None, tuple[str, str, str, str] | None]
"""State, result, failure (code, kind, message, traceback).

The state is `succeeded`, `failed`, `cancelled` or `parked`.
"""

_NewJob: TypeAlias = tuple[JobTemplate, bytes, float | None, float | None, tuple[str, str] | None]
"""Template, arguments, delay in seconds, due instant in epoch seconds, unique key (scope, text).

The scope is `unfinished` or `kept`.
"""

class NativeError(Exception):
    """A coded error; `args` is (code, what, why, fix, retryable)."""

    @property
    def code(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def fix(self) -> str: ...
    @property
    def retryable(self) -> bool: ...

@final
class JobTemplate:
    """What jobs of one task and one set of options have in common."""

    def __new__(
        cls,
        task: str,
        *,
        queue: str,
        lane: str,
        priority: int,
        retry: tuple[int, float, float, float, float] | None,
        timeout: float | None,
        grace: float | None,
        on_interrupt: str,
        interrupts_max: int | None,
        limit: tuple[str, int, float, int] | None,
    ) -> JobTemplate:
        """Checks every value; raises `NativeError` that names the one which is not possible.

        `retry` is (attempts_max, first, factor, cap, jitter), `limit` is (key, count, per, burst);
        times are in seconds. `None` means the engine's default.
        """

@final
class Mailbox:
    """Collects answers for one event loop, which watches `fileno()` and then calls `drain()`."""

    def __new__(cls) -> Mailbox: ...
    def fileno(self) -> int:
        """A descriptor that is readable while answers wait."""
    def drain(self) -> list[tuple[int, object, NativeError | None]]:
        """Every answer that has come: (ticket, value, error)."""
    def close(self) -> None:
        """Drops what is still to come."""

@final
class Client:
    """A handle to a store.

    A method with `mailbox` and `ticket` answers there and returns `None` at once; without them it
    waits and returns the value (or raises `NativeError`).
    """

    def __new__(cls, url: str | None = None, *, folder: str | None = None) -> Client:
        """Opens the store that `url` names, else the configured one.

        That is the one of the environment, of the configuration found upwards from `folder`
        (default: the working directory), or the default one.
        """
    @property
    def store(self) -> str:
        """The store's URL, without secrets."""
    @property
    def store_origin(self) -> str:
        """Where that URL comes from, such as `LANEWAY_STORE` or `pyproject.toml`."""
    @property
    def payload_max(self) -> int:
        """The most bytes of encoded arguments or of an encoded result."""
    def enqueue(
        self, jobs: Sequence[_NewJob], mailbox: Mailbox | None = None, ticket: int = 0
    ) -> list[tuple[str, bool]] | None:
        """Adds jobs, all or none of each 1,000; gives (id, created) for each."""
    def wait(self, job: str, timeout: float | None = None) -> _JobEnd | None:
        """Waits until a job ends; `None` when the time is over first. Interruptible by signals."""
    def subscribe(self, job: str, mailbox: Mailbox, ticket: int) -> None:
        """Sends the `_JobEnd` of a job to the mailbox, once. All subscriptions share one watch."""
    def unsubscribe(self, mailbox: Mailbox, ticket: int) -> None:
        """Takes a subscription back."""
    def job(
        self, job: str, mailbox: Mailbox | None = None, ticket: int = 0
    ) -> dict[str, object] | None:
        """Everything known of a job (as `laneway jobs show --json` prints it), or `None`."""
    def cancel(
        self, jobs: Sequence[str], mailbox: Mailbox | None = None, ticket: int = 0
    ) -> list[str] | None:
        """Asks for cancellation; gives `done`, `asked`, `too_late` or `unknown` for each."""
    def requeue(
        self, jobs: Sequence[str], mailbox: Mailbox | None = None, ticket: int = 0
    ) -> list[str] | None:
        """Makes ended or parked jobs ready again; gives `done`, `refused` or `unknown` for each."""
    def close(self) -> None:
        """Waits for what is under way and lets go of the store."""

_RunCommand: TypeAlias = tuple[int, int, str, str, str, int, bytes]
"""Attempt, index of the task, lane, job id, queue, number of the attempt, arguments."""

@final
class RunnerChannel:
    """The runner's end of the socket to its supervisor.

    From its creation on, a thread without the GIL ends this process at once when the supervisor
    dies. Standard input (0) becomes `/dev/null`; any other descriptor stays open and its owner's.
    """

    def __new__(cls, fd: int) -> RunnerChannel: ...
    def fileno(self) -> int:
        """Readable while commands wait."""
    def hello(
        self,
        app: tuple[str, str],
        store: str | None,
        python: str,
        tasks: Sequence[tuple[str, str, str]],
    ) -> None:
        """Says what was imported.

        The application is (where it was found, what stores know it by), each task (name, lane,
        queue).
        """
    def refuse(self, code: str, what: str, why: str, fix: str) -> None:
        """Says why the runner cannot start."""
    def receive(
        self, *, block: bool, frames_max: int = 1
    ) -> tuple[list[_RunCommand], list[tuple[int, str]], list[int], bool]:
        """Commands that have come: runs, stops (attempt, reason), pings, and whether to drain.

        At most `frames_max` frames are read, so that what is not read can be taken back by the
        supervisor. Raises `EOFError` when the supervisor is gone.
        """
    def started(self, attempts: Sequence[int]) -> None: ...
    def done(
        self,
        ends: Sequence[
            tuple[int, int, int | None, bytes | tuple[str, str, str, str, bool, float | None] | str]
        ],
    ) -> None:
        """Reports ends: (attempt, wall µs, cpu µs, end).

        The end is the encoded result, or a failure (code, kind, message, traceback, retryable,
        delay in seconds), or the reason of the stop that it obeyed.
        """
    def progress(self, reports: Sequence[tuple[int, float, float | None, str]]) -> None:
        """Reports progress: (attempt, done, of, note)."""
    def pong(self, number: int) -> None: ...
    def flush(self) -> None:
        """Waits until everything reported has left this process."""

def raise_in_thread(thread: int, exception: type[BaseException]) -> bool:
    """Raises an exception in another Python thread at its next bytecode; false if there is none."""

def main(arguments: Sequence[str]) -> int:
    """Runs the command line in this process; gives the exit status."""
