"""A server process in a folder of its own, started, restarted and ended by its owner."""

from __future__ import annotations

import json
import os
import pwd
import random
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, override
else:

    def override(method: object) -> object:
        """Mark what overrides; the one of the library is newer than the oldest Python here."""
        return method


__all__ = ["Server", "ServerFailedError", "free_port", "other_user", "override"]

GUARDIAN = Path(__file__).with_name("guardian.py")
READY_SECONDS = 60
RETRY_SECONDS = 0.02
# Below the range from which systems take the port of an outgoing connection. In that range, a
# client that tries to reconnect to a stopped server can be given the server's own port, connect to
# itself, and keep the server from coming back.
PORTS = range(20_000, 32_000)


class ServerFailedError(Exception):
    """A server did not start, or ended; the text holds the end of its log."""


class Server(ABC):
    """A server that can be stopped, crashed, paused and started again on the same data.

    Attributes:
        folder: Where its data, its log and its socket are.
        port: Its port on 127.0.0.1.
        password: The one that its URL carries.
    """

    #: The signal that ends it in good order.
    stop_signal: int = signal.SIGTERM
    #: The signal that ends it as a crash would.
    crash_signal: int = signal.SIGKILL
    #: What it is called in messages.
    kind: str = "server"

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self.folder = Path(tempfile.mkdtemp(prefix=f"laneway-{self.kind}-"))
        self._guardian: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Its URL, with the password."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the configuration and whatever else must be there before the first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """Give the command that runs it in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Ask it whether it serves clients; `OSError` when it cannot be asked."""

    def user(self) -> str | None:
        """Give the user it runs as; `None` for the present one."""
        return None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._pid

    def start(self) -> None:
        """Start it and wait until it serves clients."""
        if not any(self.folder.iterdir()):
            self.prepare()
        user = self.user()
        order = {
            "command": self.command(),
            "folder": str(self.folder),
            "user": user,
            "group": None if user is None else pwd.getpwnam(user).pw_gid,
            "groups": None if user is None else [],
            "stop_signal": int(self.stop_signal),
        }
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(GUARDIAN), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        word, _, value = self._heard().partition(" ")
        if word != "started":
            raise ServerFailedError(f"{self.kind} cannot be started: {value or word}")
        self._pid = int(value)
        self._wait_until_ready()

    def stop(self) -> None:
        """End it in good order and keep its data. Stopping twice is stopping once."""
        guardian, self._guardian = self._guardian, None
        if guardian is None:
            return
        self._tell(guardian, "stop")
        with guardian:
            # It writes until the server has ended.
            cast("IO[str]", guardian.stdout).read()

    def crash(self) -> None:
        """End it as a crash would and keep its data."""
        self.send_signal(self.crash_signal)
        while not self._heard().startswith("ended"):
            pass
        self.stop()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def send_signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        if self._guardian is None:
            raise ServerFailedError(f"{self.kind} is not running")
        self._tell(self._guardian, f"signal {int(number)}")

    def close(self) -> None:
        """End it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, lines: int = 20) -> str:
        """Read the end of its log."""
        path = self.folder / "server.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self.is_ready():
                    return
            except OSError:
                pass
            # The pause between two questions ends at once when the server does.
            output = self._output()
            if select.select([output], [], [], RETRY_SECONDS)[0]:
                raise ServerFailedError(f"{self.kind} ended at its start:\n{self.log()}")
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    f"{self.kind} does not answer after {READY_SECONDS} s:\n{self.log()}"
                )

    def _output(self) -> IO[str]:
        if self._guardian is None:
            raise ServerFailedError(f"{self.kind} is not running")
        return cast("IO[str]", self._guardian.stdout)

    def _heard(self) -> str:
        line = self._output().readline()
        if not line:
            raise ServerFailedError(f"the guardian of {self.kind} is gone:\n{self.log()}")
        return line.strip()

    @staticmethod
    def _tell(guardian: subprocess.Popen[str], command: str) -> None:
        pipe = cast("IO[str]", guardian.stdin)
        try:
            pipe.write(f"{command}\n")
            pipe.flush()
        except BrokenPipeError:
            pass


def free_port() -> int:
    """Find a port on which nothing listens, outside of the range for outgoing connections."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            # A port that a stopped server just left is free, too.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFailedError("no free port was found on 127.0.0.1")


def other_user(preferred: str) -> str | None:
    """Give the user for a server that refuses to run as root; `None` when nobody is root."""
    if os.geteuid() != 0:
        return None
    for name in (preferred, "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServerFailedError(f"there is neither a user `{preferred}` nor a user `nobody`")
