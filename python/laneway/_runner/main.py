"""The main runner: the event loop of the async lane, and the threads of the thread lane."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

from laneway._bridge import Watchdog, attempts_here
from laneway._current import Attempt, attempt_here
from laneway._metering import keep_installed
from laneway._runner.calibration import calibrate
from laneway._runner.commands import receive
from laneway._runner.ends import encoded, encoded_for, raised
from laneway._runner.invocation import Invocation
from laneway._runner.progress import ProgressReporter
from laneway._runner.resources import Resources
from laneway._runner.threads import ThreadLane, ThreadRun

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from laneway._app import Laneway
    from laneway._bridge import ProfileBook, RunCommand, RunnerChannel, TaskMeter
    from laneway._runner.ends import End, EndReport

    StartTask = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


CALIBRATION_DELAY_S = 0.5
"""Until a worker has started; a busy one is asked again after as long."""

TIMED_BYTES_MIN = 4096
"""The time to decode and encode is measured for payloads from this size on. What a smaller one
takes is no more than what two looks at a clock cost, and the loop serves everybody meanwhile. A
result's size is known too late, so the last one of the task tells what to expect of the next."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop of uvloop where it is installed, unless `LANEWAY_LOOP=asyncio`."""
    if os.environ.get("LANEWAY_LOOP") != "asyncio":
        try:
            import uvloop  # noqa: PLC0415 - it is optional
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def task_starter(loop: asyncio.AbstractEventLoop) -> StartTask:
    """A function that starts a coroutine; from Python 3.12 on it runs to its first wait at once.

    Args:
        loop: The event loop.
    """
    if sys.version_info >= (3, 12):
        return lambda coroutine, name: asyncio.Task(
            coroutine, loop=loop, name=name, eager_start=True
        )
    return lambda coroutine, name: asyncio.Task(coroutine, loop=loop, name=name)


class MainRunner:
    """Starts attempts on an event loop as they come, and reports their ends once a turn."""

    def __init__(
        self,
        app: Laneway,
        channel: RunnerChannel,
        book: ProfileBook,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._channel = channel
        self._book = book
        self._loop = loop
        self._start_task = task_starter(loop)
        self._definitions = list(app.definitions.values())
        self._meters = [book.task(definition.name) for definition in self._definitions]
        self._watchdog = Watchdog()
        self._calibration: asyncio.Task[None] | None = None
        self._invocations: dict[int, Invocation] = {}
        self._progress = ProgressReporter(channel)
        self._resources = Resources(in_threads=True)
        self._threads = ThreadLane(channel, self._resources, loop)
        self._threads.on_idle = self._end_when_drained
        self._running: dict[int, tuple[Attempt, asyncio.Task[None]]] = {}
        self._ends: list[EndReport] = []
        self._is_draining = False
        self._is_drained = False

    def run(self) -> None:
        """Runs until the supervisor has drained this runner."""
        loop = self._loop
        asyncio.set_event_loop(loop)
        attempts_here(attempt_here)
        keep_installed(loop)
        self._watchdog.start()
        loop.add_reader(self._channel.fileno(), self._on_readable)
        loop.call_later(CALIBRATION_DELAY_S, self._calibrate)
        # A task may stop the loop; that must not end the attempts of others.
        while not self._is_drained:
            loop.run_forever()
        loop.remove_reader(self._channel.fileno())
        loop.run_until_complete(self._close())
        loop.close()

    def _on_readable(self) -> None:
        runs, stops, pings, drain = receive(self._channel, block=False)
        if runs:
            self._start(runs)
        for ticket, reason in stops:
            self._stop(ticket, reason)
        for number in pings:
            self._channel.pong(number)
        if drain:
            self._is_draining = True
            self._loop.call_soon(self._end_when_drained)

    def _start(self, runs: list[RunCommand]) -> None:
        self._channel.started([run[0] for run in runs])
        for ticket, index, lane, job_id, queue, number, payload in runs:
            invocation = self._invocations.get(index) or self._prepare(index)
            job = (invocation.name, job_id, queue, number)
            attempt = Attempt(ticket, job, self._progress.report)
            if lane == "thread":
                self._threads.start(ThreadRun(attempt, invocation, self._meters[index], payload))
                continue
            coroutine = self._attempt(attempt, invocation, self._meters[index], payload)
            task = self._start_task(coroutine, job_id)
            if not task.done():
                self._running[ticket] = (attempt, task)

    def _prepare(self, index: int) -> Invocation:
        invocation = self._invocations[index] = Invocation(self._definitions[index])
        return invocation

    def _stop(self, ticket: int, reason: str) -> None:
        run = self._threads.running.get(ticket)
        if run is not None:
            run.stop(reason)
        found = self._running.get(ticket)
        if found is not None:
            attempt, task = found
            attempt.stop_reason = reason
            # Not at once: a task that is cancelled before its first step never runs at all, and
            # would never report its end. Its first step is in the loop's queue before this.
            self._loop.call_soon(task.cancel)

    async def _attempt(
        self, attempt: Attempt, invocation: Invocation, meter: TaskMeter, payload: bytes
    ) -> None:
        """Executes an attempt; whatever happens, its end is reported."""
        attempt_here.set(attempt)
        run: Coroutine[Any, Any, Any] | None = None
        end: End
        try:
            size = len(payload)
            in_line_ns: int | None = None
            resources: tuple[Any, ...] = ()
            if invocation.resources:
                in_line_ns = self._book.in_line_ns()
                resources = await self._resources.open(invocation.resources)
            if size >= TIMED_BYTES_MIN:
                coroutine = invocation.call_for(attempt, payload, resources)
            else:
                coroutine = invocation.call(payload, resources)
            attempt.account = run = meter.attempt(coroutine, attempt.ticket, size, in_line_ns)
            # What is no coroutine, but can be awaited, works without being measured.
            result: object = await (coroutine if run is None else run)
        except asyncio.CancelledError as error:
            end = attempt.stop_reason or raised(error)
        # Also what would end a process: a task must not end the runner of other tasks.
        except BaseException as error:
            if self._loop.is_closed():
                raise
            end = raised(error)
        else:
            if invocation.returns_much:
                end = encoded_for(attempt, result)
            else:
                end = encoded(result, invocation.name)
            # Of what is no result the length is that of a short tuple.
            invocation.returns_much = len(end) >= TIMED_BYTES_MIN
        self._running.pop(attempt.ticket, None)
        if not self._ends:
            self._loop.call_soon(self._report_ends)
        timed = run if run is None or not attempt.encode_ns else (run, attempt.encode_ns)
        self._ends.append((attempt.ticket, timed, end))

    def _report_ends(self) -> None:
        ends, self._ends = self._ends, []
        self._channel.done(ends)
        self._end_when_drained()

    def _end_when_drained(self) -> None:
        is_idle = not self._running and not self._threads.running and not self._ends
        if self._is_draining and is_idle:
            self._is_drained = True
            self._loop.stop()

    def _calibrate(self) -> None:
        """Measures what lanes cost, in a moment without attempts."""
        if self._is_draining:
            return
        if self._running or self._threads.running:
            self._loop.call_later(CALIBRATION_DELAY_S, self._calibrate)
            return
        self._calibration = self._start_task(calibrate(self._book), "laneway-calibration")

    async def _close(self) -> None:
        await self._resources.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
