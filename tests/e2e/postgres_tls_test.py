"""PostgreSQL servers with TLS: what each `sslmode` takes, and what it refuses."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from laneway import Laneway, LanewayError
from servers import PostgresServer

pytestmark = pytest.mark.timeout(120)

HOST = "localhost"
OPENSSL = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:{host}
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
"""


class Authority:
    """Somebody who signs certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.settings = folder / "openssl.cnf"
        self.settings.write_text(OPENSSL.format(name=name, host=HOST))
        self.root = folder / "root.crt"
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl(
            *("req", "-x509", *key, "-keyout", "root.key", "-out", "root.crt"),
            *("-days", "2", "-extensions", "authority", "-config", str(self.settings)),
        )

    def certificate(self, kind: str) -> tuple[Path, Path]:
        """Signs a certificate for the server or a client; gives it and its key."""
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl(
            *("req", "-new", *key, "-keyout", f"{kind}.key", "-out", f"{kind}.csr"),
            *("-config", str(self.settings)),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{kind}.csr", "-CA", "root.crt", "-CAkey", "root.key"),
            *("-CAcreateserial", "-days", "2", "-out", f"{kind}.crt"),
            *("-extfile", str(self.settings), "-extensions", kind),
        )
        return self.folder / f"{kind}.crt", self.folder / f"{kind}.key"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


class SafeServer:
    """A server with a certificate for `localhost`; `guarded` asks for one of the client, too."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.trusted = Authority(folder / "trusted", "an authority")
        self.other = Authority(folder / "other", "another authority")
        server.prepare()
        shutil.copy(self.trusted.root, server.data / "root.crt")
        for name, source in zip(
            ("server.crt", "server.key"), self.trusted.certificate("server"), strict=True
        ):
            shutil.copy(source, server.data / name)
        for name in ("root.crt", "server.crt", "server.key"):
            (server.data / name).chmod(0o600)
            if owner := server.user():
                shutil.chown(server.data / name, owner)
        rules = server.data / "pg_hba.conf"
        guarded = "hostssl guarded all all scram-sha-256 clientcert=verify-ca\n"
        rules.write_text(guarded + rules.read_text())

    def url(self, host: str, **options: object) -> str:
        """The URL of a store on it."""
        account = self.server.url.partition("@")[0]
        words = "&".join(f"{name}={value}" for name, value in options.items())
        return f"{account}@{host}:{self.server.port}/postgres?{words}"


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SafeServer]:
    server = PostgresServer({"ssl": "on", "ssl_ca_file": "root.crt"})
    made = SafeServer(server, tmp_path_factory.mktemp("tls"))
    with server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE guarded")
        yield made


async def receipt(order: int) -> int:
    """What the tests enqueue."""
    return order


def use(url: str) -> None:
    """Enqueues a job."""
    assert Laneway(url, name="shop").task(receipt).delay(7).created


def encrypted(safe: SafeServer, name: str) -> bool:
    """Whether all connections of an application are encrypted, of which there must be some."""
    sql = """SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = %s"""
    with psycopg.connect(safe.server.url) as connection:
        row = connection.execute(sql, [name]).fetchone()
    assert row is not None
    assert row[0] is not None, "nobody is connected"
    return bool(row[0])


@pytest.mark.parametrize(
    ("host", "mode", "trusts"),
    [
        (HOST, "verify-full", True),
        ("127.0.0.1", "verify-ca", True),
        ("127.0.0.1", "require", True),
        ("127.0.0.1", "require", False),
        (HOST, "prefer", False),
    ],
)
def test_a_server_that_shows_what_the_url_asks_for(
    safe: SafeServer, host: str, mode: str, *, trusts: bool
) -> None:
    name = f"t{secrets.token_hex(4)}"
    options = {"sslrootcert": safe.trusted.root} if trusts else {}
    app = Laneway(safe.url(host, sslmode=mode, application_name=name, **options), name="shop")
    assert app.task(receipt).delay(7).created
    assert encrypted(safe, name)


@pytest.mark.parametrize(
    ("host", "mode", "root", "why"),
    [
        ("127.0.0.1", "verify-full", "trusted", "not valid for"),
        (HOST, "verify-full", "other", "UnknownIssuer"),
        (HOST, "verify-ca", "other", "UnknownIssuer"),
        (HOST, "require", "other", "UnknownIssuer"),
        # The system's authorities, of which there may be none.
        (HOST, "verify-full", None, "LW1056"),
    ],
)
def test_a_server_that_does_not_is_refused(
    safe: SafeServer, host: str, mode: str, root: str | None, why: str
) -> None:
    options = {"sslrootcert": safe.folder / root / "root.crt"} if root else {}
    with pytest.raises(LanewayError) as caught:
        use(safe.url(host, sslmode=mode, **options))
    assert caught.value.code == "LW1056"
    assert why in str(caught.value)


def test_a_certificate_of_the_client_is_shown_to_a_server_that_asks_for_one(
    safe: SafeServer,
) -> None:
    url = safe.url(HOST, sslmode="verify-full", sslrootcert=safe.trusted.root)
    url = url.replace("/postgres?", "/guarded?")
    with pytest.raises(LanewayError) as caught:
        use(url)
    assert caught.value.code == "LW1051"
    certificate, key = safe.trusted.certificate("client")
    use(f"{url}&sslcert={certificate}&sslkey={key}")
