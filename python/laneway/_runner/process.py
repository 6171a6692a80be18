"""The process runner: computing tasks, one at a time, in the main thread.

A thread listens to the supervisor meanwhile. It interrupts the main thread by a signal: Python runs
the handler there between two bytecodes, and also within a blocking system call. A computation in
native code is not interrupted; the supervisor kills the process when the grace time is over.
"""

from __future__ import annotations

import contextvars
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from laneway._current import Attempt, attempt_here
from laneway._runner.commands import receive
from laneway._runner.ends import STOPS, encoded, raised
from laneway._runner.invocation import Invocation
from laneway._runner.progress import ProgressReporter
from laneway.errors import AttemptStopped

if TYPE_CHECKING:
    from types import FrameType

    from laneway._app import Laneway
    from laneway._bridge import RunCommand, RunnerChannel
    from laneway._runner.ends import End, EndReport
    from laneway._runner.resources import BlockingResources

STOP_SIGNAL = signal.SIGUSR1


class ProcessRunner:
    """Runs attempts one after another."""

    def __init__(self, app: Laneway, channel: RunnerChannel) -> None:
        self._channel = channel
        self._definitions = list(app.definitions.values())
        self._invocations: dict[int, Invocation] = {}
        self._progress = ProgressReporter(channel)
        self._resources: BlockingResources | None = None
        self._waiting: queue.SimpleQueue[RunCommand | None] = queue.SimpleQueue()
        self._taken: set[int] = set()
        self._stop_reasons: dict[int, str] = {}
        self._current: Attempt | None = None
        self._main_thread = threading.main_thread().ident

    def run(self) -> None:
        """Runs until the supervisor has drained this runner."""
        signal.signal(STOP_SIGNAL, self._on_stop_signal)
        threading.Thread(target=self._listen, name="laneway-listener", daemon=True).start()
        while (run := self._waiting.get()) is not None:
            self._channel.started([run[0]])
            self._channel.done([contextvars.Context().run(self._end_of, run)])
        if self._resources is not None:
            self._resources.close()

    def _listen(self) -> None:
        """Takes commands while the main thread computes."""
        while True:
            runs, stops, pings, drain = receive(self._channel, block=True)
            for run in runs:
                self._taken.add(run[0])
                self._waiting.put(run)
            for ticket, reason in stops:
                self._stop(ticket, reason)
            for number in pings:
                self._channel.pong(number)
            if drain:
                self._waiting.put(None)

    def _stop(self, ticket: int, reason: str) -> None:
        if ticket in self._taken and self._main_thread is not None:
            self._stop_reasons[ticket] = reason
            signal.pthread_kill(self._main_thread, STOP_SIGNAL)

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Raises in the task if it is the one that was meant; this runs in the main thread."""
        if self._current is not None:
            self._raise_stop(self._current)

    def _raise_stop(self, attempt: Attempt) -> None:
        # Taken out, so that a stop is raised once: what the task does with it is its own affair.
        reason = self._stop_reasons.pop(attempt.ticket, None)
        if reason is not None:
            attempt.stop_reason = reason
            raise STOPS[reason]

    def _end_of(self, run: RunCommand) -> EndReport:
        ticket, index, _, job_id, queue_name, number, payload = run
        invocation = self._invocations.get(index) or self._prepare(index)
        attempt = Attempt(ticket, (invocation.name, job_id, queue_name, number), self._report)
        attempt_here.set(attempt)
        end: End | None = None
        started_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        try:
            # From here on the signal's handler raises; a stop that came before is raised here.
            self._current = attempt
            self._raise_stop(attempt)
            end = self._outcome(attempt, invocation, payload)
            self._current = None
        except AttemptStopped as stop:
            # It came in this very function: before the task began, or when it had ended.
            self._current = None
            end = end or stop.reason
        wall_us = (time.perf_counter_ns() - started_ns) // 1_000
        cpu_us = (time.thread_time_ns() - cpu_ns) // 1_000
        self._taken.discard(ticket)
        self._stop_reasons.pop(ticket, None)
        return ticket, wall_us, cpu_us, end

    def _prepare(self, index: int) -> Invocation:
        invocation = self._invocations[index] = Invocation(self._definitions[index])
        return invocation

    def _report(self, ticket: int, done: float, of: float | None, note: str) -> None:
        self._progress.report(ticket, done, of, note)

    def _outcome(self, attempt: Attempt, invocation: Invocation, payload: bytes) -> End:
        try:
            resources = self._open(invocation) if invocation.resources else ()
            result = invocation.call(payload, resources)
        except AttemptStopped as stop:
            return attempt.stop_reason or stop.reason
        # Also what would end the process: the next attempt needs it, and nothing is lost.
        except BaseException as error:  # noqa: BLE001
            return raised(error)
        return encoded(result, invocation.name)

    def _open(self, invocation: Invocation) -> tuple[Any, ...]:
        if self._resources is None:
            # Imported with its `asyncio` only by runners whose tasks have resources.
            from laneway._runner.resources import BlockingResources  # noqa: PLC0415

            self._resources = BlockingResources()
        return self._resources.open(invocation.resources)
