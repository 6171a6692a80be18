"""The thread lane: blocking tasks, each in a thread of the runner with the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from laneway._bridge import raise_in_thread
from laneway._current import attempt_here
from laneway._runner.ends import STOPS, encoded_for, error_kind, raised, result_bytes
from laneway.errors import AttemptStopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._bridge import RunnerChannel, TaskMeter
    from laneway._current import Attempt
    from laneway._runner.ends import End, EndReport
    from laneway._runner.invocation import Invocation
    from laneway._runner.resources import Resources


class ThreadRun:
    """An attempt in a thread.

    A stop is raised by another thread, and must hit this attempt or nothing. No lock can be held
    here, since the exception may come at any place. Instead both sides announce before they look:
    the thread sets `ended` and then looks at `stop_asked`; whoever stops sets `stop_asked` and then
    looks at `ended`. So either nothing is raised, or the thread knows that it has to wait for it.
    """

    __slots__ = (
        "attempt",
        "ended",
        "invocation",
        "meter",
        "payload",
        "stop_asked",
        "stop_settled",
        "thread_id",
    )

    def __init__(
        self, attempt: Attempt, invocation: Invocation, meter: TaskMeter, payload: bytes
    ) -> None:
        self.attempt = attempt
        self.invocation = invocation
        self.meter = meter
        self.payload = payload
        self.thread_id: int | None = None
        self.ended = False
        self.stop_asked = False
        self.stop_settled = False

    def stop(self, reason: str) -> None:
        """Raises the stop in its thread, once, unless it has ended.

        Args:
            reason: Why.
        """
        if self.stop_asked:
            return
        self.stop_asked = True
        self.attempt.stop_reason = reason
        thread_id = self.thread_id
        if thread_id is not None and not self.ended:
            raise_in_thread(thread_id, STOPS[reason])
        self.stop_settled = True

    def end(self) -> None:
        """Ends the attempt in its own thread; a stop that is still to come comes in here."""
        self.ended = True
        if not self.stop_asked:
            return
        while not self.stop_settled:
            time.sleep(0.0001)
        # An exception that was raised by now is delivered within a few steps of the interpreter.
        for _ in range(1_000):
            pass


class ThreadLane:
    """Threads that run attempts; they are started when all others are busy.

    The supervisor bounds how many attempts there are at once. Ends are reported from the threads
    themselves: a blocked event loop does not hold them back.
    """

    def __init__(
        self, channel: RunnerChannel, resources: Resources, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._channel = channel
        self._resources = resources
        self._loop = loop
        self._waiting: queue.SimpleQueue[ThreadRun] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0
        self.running: dict[int, ThreadRun] = {}
        self.on_idle: Callable[[], None] = lambda: None

    def start(self, run: ThreadRun) -> None:
        """Starts an attempt.

        Args:
            run: Which.
        """
        self.running[run.attempt.ticket] = run
        self._waiting.put(run)
        if not self._idle.acquire(blocking=False):
            self._threads += 1
            name = f"laneway-thread-{self._threads}"
            # Daemons: a call that never returns must not keep the process from ending.
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while True:
            run = self._waiting.get()
            end: EndReport = contextvars.Context().run(self._end_of, run)
            self._channel.done([end])
            del self.running[run.attempt.ticket]
            if not self.running:
                # The loop may have ended already: it was drained, and saw this thread end.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self.on_idle)
            del run, end
            self._idle.release()

    def _end_of(self, run: ThreadRun) -> EndReport:
        attempt_here.set(run.attempt)
        end: End | None = None
        meter = run.meter.thread()
        try:
            # In this order: whoever stops the attempt sets the reason, and then looks for a thread.
            run.thread_id = threading.get_ident()
            end = run.attempt.stop_reason or self._outcome(run)
            run.end()
        except AttemptStopped as stop:
            # It came in this very function: before the task began, or when it had ended.
            run.ended = True
            end = end or stop.reason
        sizes = len(run.payload), result_bytes(end)
        timing = meter.end(*sizes, run.attempt.encode_ns, error_kind(end))
        return run.attempt.ticket, timing, end

    def _outcome(self, run: ThreadRun) -> End:
        invocation = run.invocation
        try:
            resources = self._open(run) if invocation.resources else ()
            result = invocation.call_for(run.attempt, run.payload, resources)
        except AttemptStopped as stop:
            return run.attempt.stop_reason or stop.reason
        # Also what would end a process: a task must not end the runner of other tasks.
        except BaseException as error:  # noqa: BLE001
            return raised(error)
        return encoded_for(run.attempt, result)

    def _open(self, run: ThreadRun) -> tuple[Any, ...]:
        wanted = run.invocation.resources
        opened = self._resources.opened(wanted)
        if opened is None:
            opening = asyncio.run_coroutine_threadsafe(self._resources.open(wanted), self._loop)
            opened = opening.result()
        return opened
