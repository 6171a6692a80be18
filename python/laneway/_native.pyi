"""The native half of Laneway: the client of a store and the runner's side of its socket.

Only `laneway._bridge` imports this module. Everything here is thread-safe unless it says otherwise,
and releases the GIL while it waits.
"""

from collections.abc import Coroutine, Generator, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias, TypeVar, final

from typing_extensions import override

__all__ = [
    "CORES_USED_FREE",
    "THREADS_MAX",
    "Account",
    "CallMeter",
    "Client",
    "JobTemplate",
    "Mailbox",
    "Meter",
    "NativeError",
    "Pace",
    "ProfileBook",
    "ProfileRecorder",
    "RecordedTask",
    "RunnerChannel",
    "TaskMeter",
    "ThreadClocks",
    "Watchdog",
    "account_here",
    "attempts_here",
    "choose_place",
    "chunk_of",
    "error_codes",
    "main",
    "metered_child",
    "raise_in_thread",
    "thread_schedules",
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
    def enqueueing(self, job: _NewJob) -> tuple[str, str, bytes]:
        """What adds a job by another driver: a SQL function, the job as JSON, the arguments."""
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

_End: TypeAlias = bytes | tuple[str, str, str, str, bool, float | None, bool] | str

_Timing: TypeAlias = (
    tuple[int, int | None] | Coroutine[Any, Any, Any] | tuple[Coroutine[Any, Any, Any], int] | None
)

_CodeFacts: TypeAlias = tuple[bool, bool | None, str | None, bool | None, Sequence[str]]

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
        tasks: Sequence[tuple[str, str, str, _CodeFacts]],
    ) -> None:
        """Says what was imported.

        The application is (where it was found, what stores know it by), each task (name, lane,
        queue, facts), with the facts (whether it is an `async def`, whether it awaits anything, for
        `lane="auto"` why it cannot be moved: an empty text when it can, whether it is declared to
        be thread-safe, what its code names of libraries).
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
    def started(self, attempts: Sequence[int]) -> None:
        """Reports that attempts have begun; on an event loop they stand in line from now on."""
    def done(
        self,
        ends: Sequence[tuple[int, _Timing, _End]],
    ) -> None:
        """Reports ends: (attempt, timing, end).

        The timing is (wall µs, cpu µs), or what `TaskMeter.attempt` gave, whose measurement is
        recorded, alone or with the nanoseconds for which its arguments and result were decoded and
        encoded, or `None` where nothing was timed. The end is the encoded result, or a failure
        (code, kind, message, traceback, retryable, delay in seconds, whether the task asked for
        it), or the reason of the stop that it obeyed.
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

# The meter

_Result = TypeVar("_Result")

@final
class Account:
    """What the steps of one run of a task are billed to, those of its child tasks included.

    Names are kept for ever, so a label is the name of a task; `key` is the owner's own number.
    """

    def __new__(cls, label: str, key: int = 0) -> Account: ...
    @property
    def label(self) -> str:
        """What its steps are called."""
    @property
    def key(self) -> int:
        """What its owner knows it by."""
    def reading(self) -> tuple[int, int, int, int, int, int | None, int, int, float]:
        """The sums of all ended steps, in nanoseconds.

        They are: the wall time from the first step to the end (or now); in steps; of that on the
        CPU; of that blocked (neither on the CPU nor ready and waiting for a processor); awaited
        (not in a step); the run-queue delay in steps, or `None` where the system does not tell it,
        so that `blocked` is an upper bound; the longest step; how many steps; and the sum of the
        squares of the steps.
        """

account_here: Final[ContextVar[Account | None]]
"""The account of the task that runs; a task created now is billed to it."""

@final
class Meter(Coroutine[Any, Any, _Result]):
    """Runs a coroutine and bills each of its steps to an account.

    All that it does not have itself, such as `cr_frame` and `__qualname__`, is the coroutine's.
    """

    def __new__(
        cls, coroutine: Coroutine[Any, Any, _Result], account: Account, /
    ) -> Meter[_Result]: ...
    @override
    def send(self, value: object, /) -> object:
        """Runs the next step, with a value."""
    @override
    def throw(
        self,
        typ: type[BaseException] | BaseException,
        val: object = None,
        tb: object = None,
        /,
    ) -> object:
        """Runs the next step, with an exception."""
    @override
    def close(self) -> None:
        """Ends the coroutine where it is suspended."""
    @override
    def __await__(self) -> Generator[Any, Any, _Result]: ...
    def __iter__(self) -> Generator[Any, Any, _Result]: ...
    def __next__(self) -> object: ...

def attempts_here(variable: ContextVar[Any]) -> None:
    """Tells of the context variable that holds a runner's attempt; its `account` is billed."""

def metered_child(coroutine: Coroutine[Any, Any, _Result], /) -> Coroutine[Any, Any, _Result]:
    """The coroutine of a task that is created now, metered if the task that creates it is.

    What is no coroutine, or is metered already, comes back as it is.
    """

@final
class ThreadClocks:
    """The clocks of the thread that makes this."""

    def __new__(cls) -> ThreadClocks: ...
    are_visible_to_others: ClassVar[bool]
    """Whether another thread may read them: on Linux."""
    def read(self) -> tuple[int, int, int | None]:
        """Wall, CPU and run-queue delay, in nanoseconds.

        The last is `None` where the system does not tell it. What is in none of the three is input,
        output and waiting for the GIL.
        """

def thread_schedules() -> dict[int, tuple[int, int, int]]:
    """CPU and run-queue delay in nanoseconds, and slices on a core, of each thread.

    It is of this process and by the system's id of the thread, and empty where the system does not
    tell it.
    """

# What `laneway.map` decides by

_PlaceReason: TypeAlias = Literal[
    "waits",
    "waits in part",
    "lets go of the GIL",
    "computes",
    "no processes",
    "rate",
    "small",
    "starved host",
]

THREADS_MAX: Final[int]
"""The most threads."""

CORES_USED_FREE: Final[float]
"""Threads that use more cores than this let go of the GIL."""

class _ItemFacts(Protocol):
    """What is known when a lane is chosen; times are seconds an item."""

    @property
    def seen(self) -> int: ...
    @property
    def left(self) -> int | None: ...
    @property
    def wall(self) -> float: ...
    @property
    def cpu(self) -> float: ...
    @property
    def queued(self) -> float: ...
    @property
    def gil(self) -> Literal["held", "free", "unknown"]: ...
    @property
    def cores(self) -> int: ...
    @property
    def concurrency(self) -> int | None: ...
    @property
    def interval(self) -> float: ...
    @property
    def pickled(self) -> float: ...
    @property
    def process_start(self) -> float: ...
    @property
    def process_hindrance(self) -> str: ...

def choose_place(
    facts: _ItemFacts,
) -> tuple[Literal["inline", "thread", "process"], int, _PlaceReason]:
    """Where the rest of the items should run, how many at once, and what decided."""

def chunk_of(seconds_per_item: float, left: int | None, width: int) -> int:
    """How many items travel to one of `width` processes together; `left` is `None` if unknown."""

@final
class Pace:
    """Tells when the next start is allowed, by the rule of a store's limits."""

    def __new__(cls, starts: int, per: float, burst: int) -> Pace: ...
    @property
    def interval(self) -> float:
        """Seconds between two starts at an even pace."""
    def wait(self, now: float) -> float:
        """Seconds until a start is allowed; `now` is the monotonic time."""
    def take(self, now: float) -> float:
        """Starts if it is allowed: 0 if it is counted, else the seconds to wait."""

# The watchdog

_Place: TypeAlias = tuple[str, int, str]
"""File, line (zero where unknown), function."""

_Finding: TypeAlias = tuple[str, int, str, int, int, int, int | None, list[_Place]]
"""Label, key, cause, count, longest, total, when the stack was taken, stack.

Times are in nanoseconds. Key, stack and the time from the start of the step until the stack was
taken are those of the longest step; the stack begins with the innermost place, and is empty with
`None` as its time where none could be taken.
"""

_Blocked: TypeAlias = tuple[float, str, int, str, str | None, int | None, str | None]
"""Seconds, label, key, cause, file, line, function; the last three `None` without a stack.

The place is the innermost one outside Python's library and installed packages, if there is one.
"""

@final
class Watchdog:
    """Notices metered steps that block an event loop, and takes the stack while they do.

    A cause is `cpu` (it computes), `blocking` (a call that waits), `gil` (another thread holds the
    GIL) or, in `current`, `starved` (the host gives no processor: not the code's fault). A process
    has one watchdog at a time, whose thread needs no GIL: it reads stacks from memory, on Linux and
    from Python 3.10 to 3.13. Elsewhere a stack is taken as soon as the GIL can be had.
    """

    def __new__(cls, threshold_ms: float = 50.0) -> Watchdog: ...
    def start(self) -> None:
        """Watches the metered steps of the calling thread from now on."""
    def stop(self) -> None:
        """Ends watching, for good."""
    def take(self) -> list[_Finding]:
        """What was found in ended steps since this was last asked, most expensive first.

        Steps of one task with one cause at one place are one finding; of a task at most 32 are
        kept.
        """
    @staticmethod
    def current() -> _Blocked | None:
        """The loop of this process that is blocked now, by whom and where."""
    def acquitted(self) -> tuple[int, int]:
        """How many long steps only a starved host made long, and their nanoseconds."""

# The profiles of a runner

@final
class ProfileBook:
    """Adds up what attempts measure, and sends it twice a second while any runs."""

    def __new__(cls, channel: RunnerChannel, interpreter: str) -> ProfileBook: ...
    def task(self, name: str) -> TaskMeter:
        """What measures the attempts of a task."""
    def calibrate(self, async_ns: int, thread_ns: int, encode_ns: int, has_gil: bool) -> None:
        """Tells what starting a coroutine, a call in a thread and a mebibyte to serialise cost."""
    def in_line_ns(self) -> int:
        """Nanoseconds since attempts were last told to have started."""
    def flush(self) -> None:
        """Sends what is not sent yet."""

@final
class TaskMeter:
    """Measures the attempts of one task."""

    def attempt(
        self, coroutine: object, key: int, args_bytes: int, in_line_ns: int | None = None
    ) -> Coroutine[Any, Any, Any] | None:
        """The coroutine of an attempt that begins, metered, or `None` for any other awaitable.

        When it has ended, `RunnerChannel.done` takes it. `key` is what the watchdog tells of it.
        It has stood in line since attempts were last told to have started, or for `in_line_ns`, if
        it has waited for something else since.
        """
    def thread(self) -> CallMeter:
        """An attempt begins in this thread of the thread lane."""
    def process(self) -> CallMeter:
        """An attempt begins that has this process for itself."""

@final
class CallMeter:
    """Measures a call in the thread that made it, from its creation on."""

    def end(
        self, args_bytes: int, result_bytes: int, encode_ns: int, error: str | None = None
    ) -> tuple[int, int]:
        """The call has ended; gives its wall and CPU time in microseconds."""

# The profiles of any program

@final
class ProfileRecorder:
    """Adds up what the tasks of a program measure, and writes it to a folder again and again."""

    def __new__(cls, folder: str, interpreter: str) -> ProfileRecorder: ...
    def task(self, name: str, *, is_endpoint: bool = False) -> RecordedTask:
        """What measures the runs of a task, or of an endpoint."""
    def rename(self, name: str, meant: str) -> None:
        """Says that what was recorded under `name` belongs to `meant`."""
    def enter_loop(self, kind: str) -> None:
        """The calling thread begins to run an event loop of a class."""
    def leave_loop(self) -> None:
        """The calling thread has stopped running its event loop."""
    def write(self) -> None:
        """Writes what is known now."""

@final
class RecordedTask:
    """Measures the runs of one task."""

    def account(self) -> Account:
        """A run begins; gives what its steps are billed to. It ends when its coroutine does.

        The key of the account is 1 for an endpoint, else 0.
        """
