"""A Redis or Valkey server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from servers.process import Server, override
from servers.programs import redis_program

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS = 2.0


class RedisServer(Server):
    """A Redis server with a password, that appends to a file every second and never evicts."""

    kind = "redis"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a server; `settings` overrule or add lines of its configuration file."""
        self.program = redis_program()
        super().__init__()
        self.settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "unixsocket": str(self.folder / "redis.sock"),
            "dir": str(self.folder),
            "requirepass": self.password,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": '""',
            "daemonize": "no",
            **(settings or {}),
        }

    @property
    @override
    def url(self) -> str:
        """Its URL, as the default user."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @override
    def prepare(self) -> None:
        """Write the configuration."""
        lines = [f"{name} {value}\n" for name, value in self.settings.items()]
        path = self.folder / "redis.conf"
        # The password belongs in a file that others cannot read, and not on a command line.
        path.touch(mode=0o600)
        path.write_text("".join(lines))

    @override
    def command(self) -> list[str]:
        """Run the server in the foreground."""
        return [str(self.program), str(self.folder / "redis.conf")]

    @override
    def is_ready(self) -> bool:
        """Log in and send a PING."""
        # A server that still loads its data answers a PING with an error.
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as connection:
            connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            answers = b""
            while answers.count(b"\n") < 2 and (part := connection.recv(4096)):
                answers += part
            return answers.endswith(b"+PONG\r\n")
