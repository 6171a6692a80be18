"""The process runner: computing tasks, one at a time, in the main thread.

It reads its socket frame by frame, each when the task before has ended: the supervisor takes back
what waits behind a long one. With a request to stop the supervisor also sends a signal. Python runs
its handler in the main thread between two bytecodes, and also within a blocking system call, and
the handler reads the request. A computation in native code is not interrupted; the supervisor kills
the process when the grace time is over.
"""

from __future__ import annotations

import contextvars
import signal
from collections import deque
from typing import TYPE_CHECKING, Any

from laneway._current import Attempt, attempt_here
from laneway._runner.commands import receive
from laneway._runner.ends import STOPS, encoded_for, error_kind, raised, result_bytes
from laneway._runner.invocation import Invocation
from laneway._runner.progress import ProgressReporter
from laneway.errors import AttemptStopped

if TYPE_CHECKING:
    from types import FrameType

    from laneway._app import Laneway
    from laneway._bridge import ProfileBook, RunCommand, RunnerChannel
    from laneway._runner.ends import End, EndReport
    from laneway._runner.resources import BlockingResources

STOP_SIGNAL = signal.SIGUSR1


class ProcessRunner:
    """Runs attempts one after another."""

    def __init__(self, app: Laneway, channel: RunnerChannel, book: ProfileBook) -> None:
        self._channel = channel
        self._definitions = list(app.definitions.values())
        self._meters = [book.task(definition.name) for definition in self._definitions]
        self._invocations: dict[int, Invocation] = {}
        self._progress = ProgressReporter(channel)
        self._resources: BlockingResources | None = None
        self._waiting: deque[RunCommand] = deque()
        self._is_draining = False
        self._current: Attempt | None = None
        self._was_signalled = False

    def run(self) -> None:
        """Runs until the supervisor has drained this runner."""
        signal.signal(STOP_SIGNAL, self._on_stop_signal)
        while not self._is_draining:
            self._take(block=True)
            while self._waiting:
                run = self._waiting.popleft()
                self._channel.started([run[0]])
                self._channel.done([contextvars.Context().run(self._end_of, run)])
        if self._resources is not None:
            self._resources.close()

    def _take(self, *, block: bool) -> list[tuple[int, str]] | None:
        """Reads one frame; gives the requests to stop in it, or `None` when there was no frame."""
        runs, stops, pings, drain = receive(self._channel, block=block)
        if not (runs or stops or pings or drain):
            return None
        self._waiting.extend(runs)
        self._is_draining = self._is_draining or drain
        for number in pings:
            self._channel.pong(number)
        return stops

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Raises in the task if it is the one that was meant; this runs in the main thread.

        Between two tasks the request stays in the socket. It may be for the task that begins.
        """
        attempt = self._current
        if attempt is None:
            self._was_signalled = True
            return
        reasons: dict[int, str] = {}
        while (stops := self._take(block=False)) is not None:
            reasons.update(stops)
        reason = reasons.get(attempt.ticket)
        if reason is not None:
            attempt.stop_reason = reason
            raise STOPS[reason]

    def _end_of(self, run: RunCommand) -> EndReport:
        ticket, index, _, job_id, queue_name, number, payload = run
        invocation = self._invocations.get(index) or self._prepare(index)
        attempt = Attempt(ticket, (invocation.name, job_id, queue_name, number), self._report)
        attempt_here.set(attempt)
        end: End | None = None
        meter = self._meters[index].process()
        try:
            # From here on the signal's handler raises; what it left unread before is read here.
            self._current = attempt
            if self._was_signalled:
                self._was_signalled = False
                self._on_stop_signal(STOP_SIGNAL, None)
            end = self._outcome(attempt, invocation, payload)
            self._current = None
        except AttemptStopped as stop:
            # It came in this very function: before the task began, or when it had ended.
            self._current = None
            end = end or stop.reason
        sizes = len(payload), result_bytes(end)
        timing = meter.end(*sizes, attempt.encode_ns, error_kind(end))
        return ticket, timing, end

    def _prepare(self, index: int) -> Invocation:
        invocation = self._invocations[index] = Invocation(self._definitions[index])
        return invocation

    def _report(self, ticket: int, done: float, of: float | None, note: str) -> None:
        self._progress.report(ticket, done, of, note)

    def _outcome(self, attempt: Attempt, invocation: Invocation, payload: bytes) -> End:
        try:
            resources = self._open(invocation) if invocation.resources else ()
            result = invocation.call_for(attempt, payload, resources)
        except AttemptStopped as stop:
            return attempt.stop_reason or stop.reason
        # Also what would end the process: the next attempt needs it, and nothing is lost.
        except BaseException as error:  # noqa: BLE001
            return raised(error)
        return encoded_for(attempt, result)

    def _open(self, invocation: Invocation) -> tuple[Any, ...]:
        if self._resources is None:
            # Imported with its `asyncio` only by runners whose tasks have resources.
            from laneway._runner.resources import BlockingResources  # noqa: PLC0415

            self._resources = BlockingResources()
        return self._resources.open(invocation.resources)
