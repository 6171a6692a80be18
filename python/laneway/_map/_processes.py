"""The process lane: for functions that compute. One process a core, each killed if it must be.

On Linux the processes are forked from this one if no other thread runs here: then any function will
do, and a script needs no guard. A fork beside running threads copies locks that nobody will ever
release, so then a fresh interpreter is started that has to import the function.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NoReturn

from laneway._map import _child, _lookout, _threads
from laneway._map._clocks import slices_of_others
from laneway._map._decision import chunk_of
from laneway._map._pickling import (
    UNDER_GUARD,
    dumps,
    dumps_function,
    loads,
    main_is_importable,
    not_picklable,
)
from laneway._map._threads import PROCESS_IS_KILLED, timed_out
from laneway._map._work import Finished
from laneway._override import override
from laneway.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from laneway._map._feed import Feed, Ticket

PARK_S = 0.05
END_S = 1.0
OWN_THREADS = (_threads.NAME, _lookout.NAME)
"""Threads that end with the run that started them."""
_CHILD = "from laneway._map import _child; _child.main()"


class RemoteTraceback(Exception):  # noqa: N818 - it is not raised, it explains
    """The traceback of an exception in another process, as text."""

    @override
    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def fork_hindrance() -> str:
    """Why a copy of this process would not be sound; empty if nothing else runs in it.

    Native threads that sleep are no danger, and any numerical library has some. They must not have
    run between two looks. A thread that is just ending has time to end.
    """
    until = time.monotonic() + PARK_S
    me = threading.current_thread()
    for thread in threading.enumerate():
        if thread is not me and thread.name.startswith(_threads.NAME):
            thread.join(max(0.0, until - time.monotonic()))
    if hindrance := _hindrance_of([]):
        return hindrance
    before = slices_of_others()
    while before:
        time.sleep(0.002)
        after = slices_of_others()
        if all(before.get(thread) == runs for thread, runs in after.items()):
            break
        if time.monotonic() > until:
            return "a thread of a native library runs beside it"
        before = after
    return ""


def likely_fork_hindrance() -> str:
    """What `fork_hindrance` is likely to say once the threads of the run itself have ended."""
    return _hindrance_of(OWN_THREADS)


def _hindrance_of(ending: Sequence[str]) -> str:
    if sys.platform != "linux":
        return "only Linux copies a process soundly"
    me = threading.current_thread()
    threads = [thread for thread in threading.enumerate() if thread.name not in ending]
    others = [thread for thread in threads if thread is not me]
    # The lookout may be the one that asks, and then the thread that it serves is no other.
    if len(others) <= (me not in threads):
        return ""
    names = [thread.name for thread in others if thread is not threading.main_thread()]
    if _threads.NAME_LEFT in names:
        return "a thread that an earlier item was left in still runs"
    return f"the thread `{names[0]}` runs beside it" if names else "it runs beside the main thread"


class _Process:
    """One process and the items it has not reported."""

    __slots__ = ("began", "is_new", "lifeline", "pid", "pipe", "tickets")

    def __init__(self, pid: int, pipe: Connection, lifeline: int) -> None:
        self.pid = pid
        self.pipe = pipe
        self.lifeline = lifeline
        self.tickets: deque[Ticket] = deque()
        self.began = 0.0
        # A fresh interpreter answers once before its first item: whether it found the function.
        self.is_new = False

    def kill(self) -> None:
        """Ends it by force, with what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def hang_up(self) -> None:
        """Closes what leads to it; an idle process ends by that."""
        self.pipe.close()
        os.close(self.lifeline)

    def end(self) -> str:
        """Waits for its end, and tells it in words."""
        until = time.monotonic() + END_S
        while True:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                return "ended"
            if pid:
                code = os.waitstatus_to_exitcode(status)
                if code >= 0:
                    return f"ended with exit status {code}"
                return f"was killed by {signal.Signals(-code).name}"
            if time.monotonic() > until:
                self.kill()
            time.sleep(0.0005)


def _sendable(fn: Callable[[Any], Any], hindrance: str) -> bytes:
    try:
        return dumps_function(fn)
    except MapError as refused:
        why = f"{refused.why}; a copy of this process would need no sending, but {hindrance}"
        raise MapError(refused.code, refused.what, why, refused.fix) from refused


def _stillborn(process: _Process) -> MapError:
    return MapError(
        "LW3023",
        "a process of the process lane ended before it could begin",
        "a new process imports the main program and the function's module to find the function, "
        f"and it {process.end()} meanwhile",
        f"{UNDER_GUARD}, and read what it wrote to standard error",
    )


class Processes:
    """Processes that are started as they are needed, and replaced when they die."""

    def __init__(
        self, fn: Callable[[Any], Any], feed: Feed, width: int, timeout: float | None
    ) -> None:
        self._fn = fn
        self._feed = feed
        self._width = width
        self._timeout = timeout
        hindrance = fork_hindrance()
        self._forks = not hindrance
        self._function = b"" if self._forks else _sendable(fn, hindrance)
        self._processes: list[_Process] = []
        self._finished: list[Finished] = []
        # Items whose process died while others ran in it, too: one of them is to blame.
        self._suspects: deque[Ticket] = deque()
        self._seconds_per_item = 1.0
        self.may_chunk = timeout is None
        self._selector = selectors.DefaultSelector()
        self._bell_out, self._bell_in = socket.socketpair()
        self._bell_in.settimeout(0)
        self._bell_out.settimeout(0)
        self._selector.register(self._bell_out, selectors.EVENT_READ)

    def begin(self) -> None:
        """Starts the processes, and waits until the first has found the function, or for `wake`.

        Copies of this process need not look for it, so none is made before its first item.

        Raises:
            MapError: A process could not begin, or did not find the function.
        """
        if self._forks:
            return
        left = self._feed.left
        # Of what has failed, attempts may be left when no new item is.
        wanted = self._width if left is None else min(self._width, max(1, left))
        for _ in range(wanted):
            self._begin()
        while all(process.is_new for process in self._processes):
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._read(key.data)

    def expect(self, seconds_per_item: float) -> None:
        """Says how long an item is likely to take, so that the first chunks have the right size.

        Args:
            seconds_per_item: What was measured.
        """
        self._seconds_per_item = seconds_per_item

    @property
    def running(self) -> int:
        """Attempts that were started and have not been told of."""
        busy = sum(len(process.tickets) for process in self._processes)
        return busy + len(self._suspects) + len(self._finished)

    @property
    def room(self) -> int:
        """The size of the next chunk; 0 if every process is busy."""
        busy = sum(1 for process in self._processes if process.tickets)
        if busy >= self._width or self._suspects:
            return 0
        return (
            chunk_of(self._seconds_per_item, self._feed.left, self._width) if self.may_chunk else 1
        )

    def start(self, tickets: Sequence[Ticket]) -> None:
        """Hands over a chunk.

        Args:
            tickets: As many as `room` said.
        """
        try:
            message = dumps([ticket.item for ticket in tickets])
        except Exception as error:  # noqa: BLE001 - pickling runs the items' own code
            if len(tickets) > 1:
                for ticket in tickets:
                    self._suspects.append(ticket)
            else:
                refused = not_picklable(f"item {tickets[0].place}", error)
                self._finished.append(Finished(tickets[0], None, refused))
            return
        process = self._idle() or self._begin()
        process.tickets.extend(tickets)
        process.began = time.monotonic()
        try:
            process.pipe.send_bytes(message)
        except OSError:
            self._bury(process)

    def wait(self, seconds: float | None) -> list[Finished]:
        """The attempts that ended, with those that are over their time.

        Args:
            seconds: How long to wait for one.
        """
        self._try_suspects()
        for key, _ in self._selector.select(self._patience(seconds)):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._bell_out.recv(64)
            else:
                self._read(key.data)
        self._kill_overdue()
        finished, self._finished = self._finished, []
        return finished

    def wake(self) -> None:
        """Ends `wait`."""
        with contextlib.suppress(OSError):
            self._bell_in.send(b"!")

    def close(self) -> list[Ticket]:
        """Ends all processes: idle ones let go, busy ones are killed."""
        left = [*self._suspects, *(finished.ticket for finished in self._finished)]
        for process in self._processes:
            if process.tickets:
                left += process.tickets
                process.kill()
            process.hang_up()
        for process in self._processes:
            process.end()
        self._processes.clear()
        self._selector.close()
        self._bell_in.close()
        self._bell_out.close()
        return left

    def _idle(self) -> _Process | None:
        return next((process for process in self._processes if not process.tickets), None)

    def _begin(self) -> _Process:
        ours, theirs = socket.socketpair()
        lifeline_out, lifeline_in = os.pipe()
        begin = self._fork if self._forks else self._spawn
        try:
            pid = begin(theirs, lifeline_out, [ours.fileno(), lifeline_in])
        finally:
            theirs.close()
            os.close(lifeline_out)
        process = _Process(pid, Connection(ours.detach()), lifeline_in)
        self._processes.append(process)
        self._selector.register(process.pipe, selectors.EVENT_READ, process)
        if not self._forks:
            self._introduce(process)
        return process

    def _fork(self, theirs: socket.socket, lifeline: int, not_theirs: Iterable[int]) -> int:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()
        with warnings.catch_warnings():
            # It counts the sleeping threads that `fork_hindrance` has looked at.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._live_as_child(theirs, lifeline, not_theirs)
        return pid

    def _live_as_child(
        self, theirs: socket.socket, lifeline: int, not_theirs: Iterable[int]
    ) -> NoReturn:
        code = 1
        try:
            _child.settle_in(lifeline)
            # A brother that held these open would keep the others from seeing the parent's end.
            for descriptor in not_theirs:
                os.close(descriptor)
            for process in self._processes:
                process.hang_up()
            self._selector.close()
            self._bell_in.close()
            self._bell_out.close()
            _child.serve(Connection(theirs.detach()), self._fn)
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may return into the parent's code
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(AttributeError, ValueError, OSError):
                    stream.flush()
            os._exit(code)

    def _spawn(self, theirs: socket.socket, lifeline: int, _not_theirs: Iterable[int]) -> int:
        numbers = [theirs.fileno(), lifeline]
        # It must find this package before it can be told where this process looks for others.
        program = f"import sys; sys.path[:] = {sys.path!r}; {_CHILD}"
        started = subprocess.Popen(  # noqa: S603 - this interpreter and this package
            [sys.executable, "-c", program, *map(str, numbers)],
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
        )
        # It is waited for by its id, as forked ones are.
        started.returncode = 0
        return started.pid

    def _introduce(self, process: _Process) -> None:
        from multiprocessing import spawn  # noqa: PLC0415 - forked processes do without

        preparation = spawn.get_preparation_data("laneway-map")
        # It is a secret of the other interpreter's own processes, and may not be pickled.
        preparation.pop("authkey", None)
        if not main_is_importable():
            preparation = {
                key: value for key, value in preparation.items() if not key.startswith("init_main")
            }
        try:
            process.pipe.send_bytes(dumps((preparation, self._function)))
        except OSError:
            raise _stillborn(process) from None
        process.is_new = True

    def _try_suspects(self) -> None:
        while self._suspects:
            busy = sum(1 for process in self._processes if process.tickets)
            if busy >= self._width:
                return
            self.start([self._suspects.popleft()])

    def _patience(self, seconds: float | None) -> float | None:
        if self._finished:
            return 0.0
        if self._timeout is not None:
            busy = (process for process in self._processes if process.tickets)
            began = [process.began for process in busy if not process.is_new]
            if began:
                rest = max(0.0, min(began) + self._timeout - time.monotonic())
                return rest if seconds is None else min(rest, seconds)
        return seconds

    def _read(self, process: _Process) -> None:
        if process.is_new:
            self._greet(process)
            return
        try:
            count, outcomes, seconds = loads(process.pipe.recv_bytes())
        except (EOFError, OSError):
            self._bury(process)
            return
        if count < 0:
            self._blame(process, outcomes[0][1])
            return
        self._seconds_per_item += 0.3 * (seconds / count - self._seconds_per_item)
        for succeeded, value, text in outcomes:
            ticket = process.tickets.popleft()
            if not succeeded and text:
                value.__cause__ = RemoteTraceback(text)
            self._finished.append(
                Finished(ticket, value, None) if succeeded else Finished(ticket, None, value)
            )

    def _greet(self, process: _Process) -> None:
        try:
            refused = loads(process.pipe.recv_bytes())
        except (EOFError, OSError):
            raise _stillborn(process) from None
        if refused is not None:
            raise refused
        process.is_new = False
        process.began = time.monotonic()

    def _bury(self, process: _Process) -> None:
        """A process died: its item is an error, and the next ticket starts another process."""
        if process.is_new:
            raise _stillborn(process)
        self._forget(process)
        process.kill()
        how = process.end()
        error = MapError(
            "LW3023",
            "the process of an item died",
            f"it {how}",
            "run the function by hand with this item; a native library may have crashed, or the "
            "memory was used up",
        )
        self._blame(process, error)

    def _blame(self, process: _Process, error: BaseException) -> None:
        """Makes it the error of the only item, or tries each of several alone."""
        tickets = list(process.tickets)
        process.tickets.clear()
        if len(tickets) == 1:
            self._finished.append(Finished(tickets[0], None, error))
        else:
            self._suspects.extend(tickets)

    def _forget(self, process: _Process) -> None:
        self._processes.remove(process)
        self._selector.unregister(process.pipe)
        process.hang_up()

    def _kill_overdue(self) -> None:
        if self._timeout is None:
            return
        now = time.monotonic()
        for process in list(self._processes):
            if process.tickets and not process.is_new and now - process.began >= self._timeout:
                ticket = process.tickets.popleft()
                process.tickets.clear()
                process.kill()
                self._forget(process)
                process.end()
                error = timed_out(ticket, self._timeout, PROCESS_IS_KILLED)
                self._finished.append(Finished(ticket, None, error))
