"""A PostgreSQL server."""

from __future__ import annotations

import pwd
import shutil
import signal
import socket
import struct
import subprocess
from typing import TYPE_CHECKING, Any

from servers.process import Server, ServerFailedError, other_user, override
from servers.programs import postgres_programs

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS = 2.0
USER = "laneway"
DATABASE = "postgres"
PROTOCOL = 3 << 16


class PostgresServer(Server):
    """A PostgreSQL server that asks for a password and syncs every commit, as one in earnest."""

    kind = "postgres"
    # "Fast": it rolls back what is open and does not wait for clients to leave.
    stop_signal = signal.SIGINT
    # "Immediate": no checkpoint, so the next start recovers. A SIGKILL of the main process would
    # leave the others to notice for themselves, and its shared memory in their hands until then.
    crash_signal = signal.SIGQUIT

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a server; `settings` overrule or add lines of its configuration file."""
        self.programs = postgres_programs()
        super().__init__()
        self.data = self.folder / "data"
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "fsync": "on",
            "synchronous_commit": "on",
            "password_encryption": "scram-sha-256",
            **(settings or {}),
        }

    @property
    @override
    def url(self) -> str:
        """Its URL, as its superuser."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @override
    def user(self) -> str | None:
        """PostgreSQL refuses to run as root."""
        return other_user("postgres")

    def _own_folder(self) -> dict[str, Any]:
        """Give the folder to the server's user; gives how a program runs as that one."""
        user = self.user()
        if user is None:
            return {}
        entry = pwd.getpwnam(user)
        shutil.chown(self.folder, user, entry.pw_gid)
        return {"user": user, "group": entry.pw_gid, "extra_groups": []}

    def _configure(self) -> None:
        quoted = {name: value.replace("'", "''") for name, value in self.settings.items()}
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in quoted.items())

    @override
    def prepare(self) -> None:
        """Make the database's files and write the configuration."""
        identity = self._own_folder()
        password_file = self.folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(f"{self.password}\n")
        if identity:
            shutil.chown(password_file, identity["user"], identity["group"])
        # Only the making of the files is not synced; the server itself syncs.
        created = subprocess.run(
            [
                *(str(self.programs.initdb), "--pgdata", str(self.data), "--username", USER),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256", "--no-sync"),
                *("--encoding", "UTF8", "--locale", "C"),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
        password_file.unlink()
        if created.returncode != 0:
            raise ServerFailedError(f"`initdb` failed:\n{created.stdout}{created.stderr}")
        self._configure()

    @override
    def command(self) -> list[str]:
        """Run the main process in the foreground."""
        return [str(self.programs.postgres), "-D", str(self.data)]

    @override
    def is_ready(self) -> bool:
        """Begin to log in."""
        # While it starts or recovers, it answers a client's first message with an error; when it
        # serves, it asks for the password.
        pairs = b"user\0%s\0database\0%s\0\0" % (USER.encode(), DATABASE.encode())
        message = struct.pack("!II", len(pairs) + 8, PROTOCOL) + pairs
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS) as connection:
            connection.sendall(message)
            return connection.recv(1) == b"R"


class PostgresStandby(PostgresServer):
    """A PostgreSQL server that follows another one, and answers questions meanwhile."""

    kind = "standby"

    def __init__(self, primary: PostgresServer) -> None:
        """Prepare a copy of a server that runs."""
        super().__init__()
        self.primary = primary
        self.password = primary.password

    @override
    def prepare(self) -> None:
        """Copy the other server's files, and follow it from there."""
        identity = self._own_folder()
        copied = subprocess.run(
            [
                *(str(self.programs.basebackup), "--pgdata", str(self.data), "--no-sync"),
                *("--write-recovery-conf", "--checkpoint", "fast", "--dbname", self.primary.url),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
        if copied.returncode != 0:
            raise ServerFailedError(f"`pg_basebackup` failed:\n{copied.stdout}{copied.stderr}")
        self._configure()
