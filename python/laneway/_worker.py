"""`app.worker()`: a worker as a child of this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from laneway import _runner
from laneway._durations import seconds
from laneway._options import refuse_unknown
from laneway._reference import import_folder_of
from laneway.errors import AppError, LanewayError, SettingError, error_class

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from typing_extensions import Self

    from laneway._app import Laneway
    from laneway._durations import Duration

LINE_BYTES_MAX = 1 << 20


class WorkerOptions(TypedDict, total=False):
    """What `app.worker(…)` takes. Everything is optional and as for `laneway worker`."""

    queues: Sequence[str]
    """The queues it serves, the preferred first; all of the application's by default."""
    concurrency_async: int
    """The most async attempts at once; 1,000 by default."""
    concurrency_thread: int
    """The most thread attempts at once; 40 by default."""
    concurrency_process: int
    """The most process attempts at once; one for each core by default."""
    drain_timeout: Duration
    """The time that running attempts get at the end."""


class Worker:
    """A worker as a child of this process, from `app.worker(…)`.

    What its tasks print to standard output comes out here, too. When this process dies, however it
    dies, the worker notices that its standard input is closed, and ends.
    """

    def __init__(self, app: Laneway, options: WorkerOptions) -> None:
        self._app = app
        self._arguments = _arguments(options)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the supervisor while it runs."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        """Starts the worker and waits until it takes jobs.

        Raises:
            LanewayError: The worker could not start, with the code and the advice that the worker
                itself gives.
        """
        _refuse_in_a_runner()
        reference = self._app.reference
        _refuse_private_store(self._app.store)
        self._process = await asyncio.create_subprocess_exec(
            *_command(),
            "worker",
            reference,
            "--json",
            "--stop-on-stdin-eof",
            f"--python={sys.executable}",
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            env=_environment(reference),
        )
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read_output(self._process, ready))
        try:
            await ready
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Lets it drain and waits for its end."""
        await self._stop()

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await process.wait()
        except asyncio.CancelledError:
            # Whoever cancels this does not want to wait for running attempts: the second signal.
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        finally:
            if process.stdin is not None:
                process.stdin.close()
            if self._reader is not None:
                await self._reader

    async def _read_output(
        self, process: asyncio.subprocess.Process, ready: asyncio.Future[None]
    ) -> None:
        """Takes the worker's events; whatever else comes is what tasks print."""
        output = cast("asyncio.StreamReader", process.stdout)
        failure: LanewayError | None = None
        try:
            while line := await _line(output):
                event = _event(line)
                if event is None:
                    _print(line)
                elif event["event"] == "ready" and not ready.done():
                    ready.set_result(None)
                elif event["event"] == "failed":
                    failure = _failure(event["error"])
            await process.wait()
        finally:
            # Whoever waits for the worker would wait for ever.
            if not ready.done():
                ready.set_exception(failure or _died(process.returncode))


async def _line(output: asyncio.StreamReader) -> bytes:
    """The next line, or the part of an overlong one that is there."""
    try:
        return await output.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await output.readexactly(error.consumed)


def _event(line: bytes) -> dict[str, Any] | None:
    """The event that a line tells, or `None` when it is no line of the worker itself."""
    if not line.startswith(b'{"'):
        return None
    try:
        value: Any = json.loads(line)
    # An object may be nested more deeply than Python's stack.
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    event = cast("dict[str, Any]", value)
    # Tasks may print objects, too; these three the worker writes into each of its own.
    if event.get("schema") != 1 or "at" not in event or not isinstance(event.get("event"), str):
        return None
    return event if event["event"] != "failed" or _is_error(event.get("error")) else None


def _is_error(value: object) -> bool:
    """Whether a value is an error as the worker writes one."""
    if not isinstance(value, dict):
        return False
    told = cast("dict[str, object]", value)
    texts = [told.get(key) for key in ("code", "what", "why", "fix")]
    return all(isinstance(text, str) for text in texts) and bool(_CODE.fullmatch(str(texts[0])))


_CODE = re.compile("LW[0-9]{4}")


def _failure(told: dict[str, Any]) -> LanewayError:
    """Why the worker ended, as it says itself."""
    code = told["code"]
    error = error_class(code)(code, told["what"], told["why"], told["fix"])
    error.retryable = told.get("retryable") is True
    return error


def _print(line: bytes) -> None:
    """Writes what a task printed to this program's standard output."""
    output = sys.stdout
    text = line.decode(errors="replace")
    # When this program cannot print, tasks go on all the same: what they print is taken, so that
    # the pipe never fills up.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        encoding = output.encoding or "utf-8"
        output.write(text.encode(encoding, "backslashreplace").decode(encoding))
        output.flush()


def _died(status: int | None) -> LanewayError:
    """The end of a worker that could not say anything."""
    return AppError(
        "LW1035",
        "the worker ended before it was ready",
        f"it ended with the status {status} and gave no reason",
        "read what it wrote to standard error just before",
    )


def _command() -> list[str]:
    """The native command that was installed with this package, else the same by way of Python."""
    beside = Path(sysconfig.get_path("scripts")) / "laneway"
    found = str(beside) if beside.is_file() else shutil.which("laneway")
    return [found] if found else [sys.executable, "-m", "laneway"]


def _environment(reference: str) -> dict[str, str]:
    """The environment in which the application can be imported as it was here."""
    environment = dict(os.environ)
    folder = import_folder_of(reference)
    if folder is not None:
        others = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{folder}{os.pathsep}{others}" if others else str(folder)
    return environment


def _arguments(options: WorkerOptions) -> list[str]:
    refuse_unknown(options, WorkerOptions)
    arguments: list[str] = []
    for queue in options.get("queues", ()):
        arguments += ["--queue", queue]
    given = cast("dict[str, object]", options)
    for lane in ("async", "thread", "process"):
        name = f"concurrency_{lane}"
        if name in given:
            arguments += [f"--concurrency-{lane}", str(given[name])]
    if "drain_timeout" in options:
        drain_seconds = seconds(options["drain_timeout"], "drain_timeout")
        arguments += ["--drain-timeout", f"{drain_seconds:.6f}s"]
    return arguments


def _refuse_in_a_runner() -> None:
    # A script without `if __name__ == "__main__"` would start a worker in each runner of a worker.
    if _runner.kind is not None:
        raise AppError(
            "LW1031",
            "a runner was asked to start another worker",
            "the application's file starts a worker while it is imported",
            'put that part under `if __name__ == "__main__":`',
        )


def _refuse_private_store(store: str | None) -> None:
    url = store or os.environ.get("LANEWAY_STORE", "")
    if url.startswith("memory:"):
        raise SettingError(
            "LW1021",
            f"the store `{url}` cannot be shared with a worker",
            "it lives in the memory of this process, and a worker is another one",
            "use a file, such as `sqlite:////tmp/jobs.db`",
        )
