"""PgBouncer in transaction mode, between clients and a PostgreSQL server."""

from __future__ import annotations

import pwd
import shutil
import socket
import struct
from urllib.parse import unquote, urlsplit

from servers.postgres import ANSWER_SECONDS, PROTOCOL
from servers.process import Server, other_user, override
from servers.programs import pgbouncer_program


class PgBouncer(Server):
    """A pooler that gives a connection of the server to a client for one transaction at a time."""

    kind = "pgbouncer"

    def __init__(self, url: str) -> None:
        """Prepare a pooler before the server of a URL, whose only user is that of the URL."""
        self.program = pgbouncer_program()
        super().__init__()
        self.target = urlsplit(url)

    @property
    @override
    def url(self) -> str:
        """The server's URL as it is through here."""
        account, at, _ = self.target.netloc.rpartition("@")
        return self.target._replace(netloc=f"{account}{at}127.0.0.1:{self.port}").geturl()

    @override
    def user(self) -> str | None:
        """It refuses to run as root."""
        return other_user("postgres")

    @override
    def prepare(self) -> None:
        """Write the configuration, and the password in a file that others cannot read."""
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": str(self.folder),
            "auth_type": "scram-sha-256",
            "auth_file": str(self.folder / "users"),
            "pool_mode": "transaction",
            "max_client_conn": "500",
            "default_pool_size": "20",
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        server = f"* = host={self.target.hostname} port={self.target.port}\n"
        self._write("pgbouncer.ini", f"[databases]\n{server}[pgbouncer]\n{lines}")
        user, password = unquote(self.target.username or ""), unquote(self.target.password or "")
        self._write("users", f'"{user}" "{password}"\n')
        if owner := self.user():
            shutil.chown(self.folder, owner, pwd.getpwnam(owner).pw_gid)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        if owner := self.user():
            shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)

    @override
    def command(self) -> list[str]:
        """Run it in the foreground."""
        return [str(self.program), "--quiet", str(self.folder / "pgbouncer.ini")]

    @override
    def is_ready(self) -> bool:
        """Begin to log in."""
        user = (self.target.username or "").encode()
        pairs = b"user\0%s\0database\0%s\0\0" % (user, self.target.path.strip("/").encode())
        message = struct.pack("!II", len(pairs) + 8, PROTOCOL) + pairs
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as connection:
            connection.sendall(message)
            return connection.recv(1) == b"R"
