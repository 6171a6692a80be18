"""Stores of every kind for the fault tests, and the ways to break the servers behind them."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from servers import RedisServer

KINDS = ("sqlite", "redis")


@dataclass
class OwnStore:
    """A store that one test has for itself, and the server behind it, if there is one."""

    url: str
    server: RedisServer | None = None


@contextlib.contextmanager
def own_store(kind: str, folder: Path) -> Generator[OwnStore]:
    """An empty store of a kind; its server ends with the block."""
    if kind == "sqlite":
        yield OwnStore(f"sqlite:///{folder}/fault.db")
        return
    with RedisServer() as server:
        yield OwnStore(server.url, server)


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


def crash_server(server: RedisServer, _: random.Random) -> None:
    """The server dies at once and comes back on its append-only file."""
    server.crash()
    server.start()


def restart_server(server: RedisServer, _: random.Random) -> None:
    """The server is stopped in good order and started again."""
    server.restart()


def pause_server(server: RedisServer, chance: random.Random) -> None:
    """The server says nothing for a while, as on a machine that is frozen."""
    server.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.1, 0.7))
    server.send_signal(signal.SIGCONT)


def cut_connections(server: RedisServer, chance: random.Random) -> None:
    """Every connection is closed, some while an answer is on its way."""
    for _ in range(chance.randint(1, 5)):
        ask(server, "CLIENT KILL TYPE normal SKIPME yes", "CLIENT KILL TYPE pubsub")


def flush_scripts(server: RedisServer, chance: random.Random) -> None:
    """The server forgets every script."""
    for _ in range(chance.randint(1, 30)):
        ask(server, "SCRIPT FLUSH")


SERVER_OPERATIONS: tuple[Callable[[RedisServer, random.Random], None], ...] = (
    crash_server,
    restart_server,
    pause_server,
    cut_connections,
    flush_scripts,
)
