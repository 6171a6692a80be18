"""Stores of every kind for the fault tests, the servers behind them and the ways to those."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from servers import PostgresServer, Proxy, RedisServer

KINDS = ("sqlite", "redis", "postgres")
SERVERS = ("redis", "postgres")
HOLDER = "holder of a snapshot"


@dataclass
class OwnStore:
    """A store that one test has for itself; the server behind it and the way there, if any."""

    kind: str
    url: str
    server: RedisServer | PostgresServer | None = None
    network: Proxy | None = None

    @property
    def way(self) -> str:
        """The store's URL through the network that can be broken."""
        return self.network.url(self.url) if self.network else self.url


@contextlib.contextmanager
def own_store(kind: str, folder: Path) -> Generator[OwnStore]:
    """An empty store of a kind; its server ends with the block."""
    if kind == "sqlite":
        yield OwnStore(kind, f"sqlite:///{folder}/fault.db")
        return
    with (
        RedisServer() if kind == "redis" else PostgresServer() as server,
        Proxy(server.port) as network,
    ):
        # The proxies read what passes, and there is nothing to be negotiated first.
        suffix = "?sslmode=disable" if kind == "postgres" else ""
        yield OwnStore(kind, f"{server.url}{suffix}", server, network)


def ask(server: RedisServer, *commands: str) -> str:
    """Sends commands past Laneway; gives the last answer."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        answers = connection.makefile("rb")
        answer = b""
        for command in (f"AUTH {server.password}", *commands):
            connection.sendall(command.encode() + b"\r\n")
            answer = answers.readline()
            if answer.startswith(b"$"):
                answer = answers.read(int(answer[1:]) + 2)
        return answer.decode().strip()


class Snapshot:
    """A transaction that keeps PostgreSQL from removing dead rows, begun again when it is ended."""

    def __init__(self, server: PostgresServer | None) -> None:
        self._server = server
        self._connection: psycopg.Connection | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a server to hold one on."""
        return self._server is not None

    def hold(self) -> None:
        """Holds a snapshot, unless one is held or none is wanted."""
        if self._server is None:
            return
        with contextlib.suppress(psycopg.OperationalError):
            if self._connection is not None:
                self.check()
                return
        self.release()
        connection = psycopg.connect(self._server.url, application_name=HOLDER)
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        self._connection = connection

    def check(self) -> None:
        """Raises unless the snapshot is held."""
        assert self._connection is not None
        self._connection.execute("SELECT 1")

    def release(self) -> None:
        """Ends the transaction."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def lock_file(path: Path, seconds: float) -> None:
    """Another process keeps the lock of a database, as an open transaction in a shell does."""
    # In a process of its own: a second SQLite library in a process takes the first one's locks.
    program = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "time.sleep(float(sys.argv[2]))\n"
        "connection.execute('ROLLBACK')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path), str(seconds)], check=True)
