"""A real runner process, with the test as its supervisor at the other end of the socket."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import Self

HEADER = struct.Struct("<I")
JOB = 7
JOB_TEXT = "00000000000000000000000007"
NO_ARGUMENTS: dict[str, Any] = {}


class RunnerUnderTest:
    """Starts `python -m laneway._runner` for an application and talks to it."""

    def __init__(self, app: Path, kind: str, **environment: str) -> None:
        here, there = socket.socketpair()
        # A runner that does not answer fails the test instead of stopping it.
        here.settimeout(20)
        self._socket = here
        self._kind = kind
        self._backlog: list[tuple[str, Any]] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "laneway._runner",
                f"--kind={kind}",
                "--fd=0",
                f"--app={app}",
            ],
            stdin=there.fileno(),
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
        there.close()
        self.tasks: dict[str, int] = {}
        self.lanes: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.greet()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def greet(self) -> Any:  # noqa: ANN401 - a message of any shape
        """Takes the runner's hello, and learns its tasks."""
        hello = self.next("Hello")
        for index, (name, lane, *_) in enumerate(hello[4][3]):
            short = name.rpartition(".")[2]
            self.tasks[short] = index
            self.lanes[short] = lane
        return hello

    def run(self, *calls: tuple[int, str, dict[str, Any]]) -> None:
        """Starts attempts in one frame: number, task and arguments of each."""
        runs: list[list[object]] = []
        for number, task, arguments in calls:
            job = [JOB.to_bytes(16, "big"), "mail", 2, msgspec.msgpack.encode(arguments)]
            runs.append([number, self.tasks[task], self.lanes[task], *job])
        self.send({"Run": runs})

    def stop(self, number: int, reason: str) -> None:
        """Asks an attempt to stop; a process runner is told by a signal to look at its socket."""
        self.send({"Stop": [number, reason]})
        if self._kind == "process":
            self.process.send_signal(signal.SIGUSR1)

    def send(self, message: object) -> None:
        """Sends a command."""
        body = msgspec.msgpack.encode(message)
        self._socket.sendall(HEADER.pack(len(body)) + body)

    def next(self, kind: str) -> Any:  # noqa: ANN401 - a message of any shape
        """Waits for the next message of a kind; others are kept for later."""
        for place, (found, content) in enumerate(self._backlog):
            if found == kind:
                del self._backlog[place]
                return content
        while True:
            found, content = self._receive()
            if found == kind:
                return content
            self._backlog.append((found, content))

    def ends(self, count: int) -> dict[int, Any]:
        """Waits for the ends of so many attempts, by number."""
        found: dict[int, Any] = {}
        while len(found) < count:
            for number, end, *_ in self.next("Done"):
                assert number not in found, "an attempt ended twice"
                found[number] = end
        return found

    def end(self, number: int) -> tuple[str, Any]:
        """Waits for the next end, which has to be of this attempt; a result comes decoded."""
        [(kind, value)] = self.ends(1)[number].items()
        return kind, msgspec.msgpack.decode(value) if kind == "Returned" else value

    def drain(self) -> int:
        """Lets the runner finish and gives its exit status."""
        self.send("Drain")
        return self.process.wait(20)

    def output(self) -> str:
        """What the tasks printed, after the end of the runner."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def line(self) -> str:
        """The next line that a task prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        """Ends the runner as the death of its supervisor does."""
        self._socket.close()
        self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _receive(self) -> tuple[str, Any]:
        (length,) = HEADER.unpack(self._exactly(HEADER.size))
        message = msgspec.msgpack.decode(self._exactly(length))
        [(kind, content)] = message.items()
        return kind, content

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            assert part, "the runner closed its end"
            parts += part
        return bytes(parts)
