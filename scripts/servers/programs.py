"""Finds the programs of servers, and installs them where a package manager may be used."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Where programs stand that are not on PATH, relative ones in the home folder. The newest version is
# taken.
FOLDERS = {
    "postgres": (
        *("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"),
        *("/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"),
        *(".local/bin", ".local/pgsql/bin", "pgsql/bin", "bin"),
    ),
    "redis": (
        *("/usr/local/sbin", "/usr/sbin", "/opt/redis/bin", "/opt/valkey/bin"),
        *("/opt/homebrew/bin", "/opt/homebrew/opt/redis*/bin", "/opt/homebrew/opt/valkey*/bin"),
        *(".local/bin", "redis/src", "valkey/src", "bin"),
    ),
    "pgbouncer": (
        *("/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"),
        *(".local/bin", "bin"),
    ),
}
NAMES = {
    "postgres": ("postgres",),
    "redis": ("redis-server", "valkey-server"),
    "pgbouncer": ("pgbouncer",),
}
DEBIAN_PACKAGES = {"postgres": "postgresql", "redis": "redis-server", "pgbouncer": "pgbouncer"}
HOMEBREW_FORMULAS = {"postgres": "postgresql@17", "redis": "redis", "pgbouncer": "pgbouncer"}
INSTALL_SECONDS = 600


class ProgramMissingError(Exception):
    """A program is neither found nor could it be installed; the text says what to do."""


@dataclass(frozen=True)
class PostgresPrograms:
    """The programs of one PostgreSQL version."""

    postgres: Path
    initdb: Path

    @property
    def basebackup(self) -> Path:
        """The program that copies a running server, which comes with the clients."""
        beside = self.initdb.with_name("pg_basebackup")
        found = beside if beside.exists() else shutil.which("pg_basebackup")
        if not found:
            raise ProgramMissingError("`pg_basebackup` is not beside `initdb`, nor on PATH")
        return Path(found)


def find_redis() -> Path | None:
    """Find the server program of Redis, or of Valkey."""
    return next(iter(_candidates("redis")), None)


def find_postgres() -> PostgresPrograms | None:
    """Find the server program of PostgreSQL that has its `initdb` beside it."""
    for postgres in _candidates("postgres"):
        for folder in (postgres.parent, postgres.resolve().parent):
            if os.access(folder / "initdb", os.X_OK):
                return PostgresPrograms(postgres, folder / "initdb")
    return None


def redis_program() -> Path:
    """Find the server program of Redis or Valkey, and install it first where it is missing."""
    found = find_redis() or (_install("redis") and find_redis())
    if not found:
        raise ProgramMissingError(_advice("redis"))
    return found


def postgres_programs() -> PostgresPrograms:
    """Find the programs of PostgreSQL, and install them first where they are missing."""
    found = find_postgres() or (_install("postgres") and find_postgres())
    if not found:
        raise ProgramMissingError(_advice("postgres"))
    return found


def pgbouncer_program() -> Path:
    """Find the program of PgBouncer, and install it first where it is missing."""
    found = _candidates("pgbouncer") or (_install("pgbouncer") and _candidates("pgbouncer"))
    if not found:
        raise ProgramMissingError(_advice("pgbouncer"))
    return found[0]


def _candidates(kind: str) -> list[Path]:
    on_path = [found for name in NAMES[kind] if (found := shutil.which(name))]
    paths = [Path(found) for found in on_path]
    for pattern in FOLDERS[kind]:
        root = Path("/") if pattern.startswith("/") else Path.home()
        folders = sorted(root.glob(pattern.lstrip("/")), key=_version, reverse=True)
        paths += [folder / name for folder in folders for name in NAMES[kind]]
    return [path for path in paths if path.is_file() and os.access(path, os.X_OK)]


def _version(folder: Path) -> list[int]:
    """Order folders by the numbers in their names, so that 16 comes after 9."""
    digits = "".join(letter if letter.isdigit() else " " for letter in str(folder))
    return [int(number) for number in digits.split()]


def _install(kind: str) -> bool:
    """Install by apt-get where that needs no password; tells whether it did."""
    if not shutil.which("apt-get"):
        return False
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"]
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if not sudo or _status([sudo, "-n", "true"]) != 0:
            return False
        command = [sudo, "-n", *command]
    # An old list of packages may do, so a refresh that fails is no failure yet.
    _status([*command, "update"])
    install = ["install", "--yes", "--no-install-recommends", DEBIAN_PACKAGES[kind]]
    return _status([*command, *install]) == 0


def _status(command: list[str]) -> int:
    quiet = subprocess.DEVNULL
    ended = subprocess.run(
        command, stdin=quiet, stdout=quiet, stderr=quiet, check=False, timeout=INSTALL_SECONDS
    )
    return ended.returncode


def _advice(kind: str) -> str:
    names = " or ".join(f"`{name}`" for name in NAMES[kind])
    debian = f"apt-get install --no-install-recommends {DEBIAN_PACKAGES[kind]}"
    return (
        f"{names} is neither on PATH nor in a usual place, and could not be installed; "
        f"run `sudo {debian}` (Debian, Ubuntu), `brew install {HOMEBREW_FORMULAS[kind]}` (macOS), "
        "or put the program on PATH"
    )
