"""Redis servers as people set them up: with TLS, behind Sentinels, in a cluster, and with jobs that
other programs enqueue.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from stories import laneway_command
from wire import Wire

from servers import RedisServer
from servers.process import Server, override

pytestmark = pytest.mark.timeout(120)

APP = """
from laneway import Laneway

app = Laneway()


@app.task
async def double(number: int) -> int:
    return number * 2
"""


@dataclass
class Site:
    """An application, a store, and what its processes are told."""

    folder: Path
    store: str
    environment: dict[str, str]

    def cli(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command answers."""
        output = subprocess.run(
            [*laneway_command(), "--store", self.store, "--json", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
        ).stdout
        return [json.loads(line) for line in output.splitlines()]

    def python(self, code: str) -> str:
        """What a program beside the application prints."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env={**os.environ, **self.environment, "LANEWAY_STORE": self.store},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def worker(self) -> Generator[subprocess.Popen[bytes]]:
        """A worker for the length of a block."""
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [*laneway_command(), "--store", self.store, "worker", "shop.py:app"],
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def site(folder: Path, store: str, environment: dict[str, str] | None = None) -> Site:
    (folder / "shop.py").write_text(APP)
    return Site(folder, store, environment or {})


DOUBLE = "import shop; job = shop.double.delay({0}); print(job.wait(timeout=30))"


def test_a_job_runs_over_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with RedisServer() as probe:
        tls_port = probe.port
    settings = {
        "tls-port": str(tls_port),
        "tls-cert-file": str(certificates / "server.crt"),
        "tls-key-file": str(certificates / "server.key"),
        "tls-ca-cert-file": str(certificates / "ca.crt"),
        "tls-auth-clients": "no",
    }
    with RedisServer(settings) as server:
        url = f"rediss://:{server.password}@localhost:{tls_port}/0"
        trusting = site(tmp_path, url, {"SSL_CERT_FILE": str(certificates / "ca.crt")})
        with trusting.worker():
            assert trusting.python(DOUBLE.format(4)) == "8"
        refusing = subprocess.run(
            [*laneway_command(), "--store", url, "status"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert "error[LW1008]" in refusing.stderr
        assert "ertificate" in refusing.stderr


def make_certificates(folder: Path) -> Path:
    """An authority, and a certificate of `localhost` that it signed."""

    def openssl(arguments: str) -> None:
        command = ["openssl", *arguments.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt"
    )
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    signing = "x509 -req -days 2 -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names"
    openssl(f"{signing} -in server.csr -out server.crt")
    return folder


def test_a_job_runs_over_a_unix_socket(tmp_path: Path) -> None:
    with RedisServer() as server:
        socket = server.folder / "redis.sock"
        here = site(tmp_path, f"redis+unix://{socket}?pass={server.password}")
        with here.worker():
            assert here.python(DOUBLE.format(5)) == "10"


class Sentinel(Server):
    """A Sentinel that watches a master and decides alone."""

    kind = "sentinel"

    def __init__(self, master: RedisServer) -> None:
        super().__init__()
        self.program, self.master = master.program, master

    @property
    @override
    def url(self) -> str:
        return (
            f"redis+sentinel://:{self.master.password}@127.0.0.1:{self.port}/shop/0?namespace=shop"
        )

    @override
    def prepare(self) -> None:
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"sentinel monitor shop 127.0.0.1 {self.master.port} 1",
            f"sentinel auth-pass shop {self.master.password}",
            "sentinel down-after-milliseconds shop 500",
            "sentinel failover-timeout shop 4000",
        ]
        (self.folder / "sentinel.conf").write_text("\n".join(lines) + "\n")

    @override
    def command(self) -> list[str]:
        return [str(self.program), str(self.folder / "sentinel.conf"), "--sentinel"]

    @override
    def is_ready(self) -> bool:
        with Wire(self.port) as wire:
            return wire.ask("PING") == "PONG"


def test_a_failover_is_followed(tmp_path: Path) -> None:
    master = RedisServer()
    master.settings["masterauth"] = master.password
    replica = RedisServer(
        {
            "replicaof": f"127.0.0.1 {master.port}",
            "requirepass": master.password,
            "masterauth": master.password,
        }
    )
    replica.password = master.password
    with master, replica, Sentinel(master) as sentinel:
        with Wire(sentinel.port) as wire:
            wait_until(lambda: "slaves=1" in wire.text("INFO", "sentinel"))
        with Wire(master.port, master.password) as wire:
            wait_until(lambda: "state=online" in wire.text("INFO", "replication"))
        here = site(tmp_path, sentinel.url)
        with here.worker() as worker:
            assert here.python(DOUBLE.format(6)) == "12"
            master.crash()
            wait_until(lambda: role(replica) == "master")
            with Wire(sentinel.port) as wire:
                # It names the new master before it takes it for one that is up.
                wait_until(lambda: masters_of(wire) == [("127.0.0.1", replica.port, "master")])
            assert here.python(DOUBLE.format(7)) == "14"
            assert worker.poll() is None, (tmp_path / "worker.log").read_text()
        found = here.cli("doctor")[0]["findings"]
        assert {"area": "store", "name": "role", "verdict": "ok", "text": "master"} in found


def masters_of(sentinel: Wire) -> list[tuple[str, int, str]]:
    """The masters that a Sentinel watches: where they are, and what it thinks of them."""
    masters = cast("list[list[str]]", sentinel.ask("SENTINEL", "MASTERS"))
    fields = [dict(zip(master[::2], master[1::2], strict=True)) for master in masters]
    return [(field["ip"], int(field["port"]), field["flags"]) for field in fields]


def role(server: RedisServer) -> str:
    """What a server says it is; a server cuts every connection when that changes."""
    with contextlib.suppress(OSError), Wire(server.port, server.password) as wire:
        found = re.search(r"role:(\w+)", wire.text("INFO", "replication"))
        return found[1] if found else ""
    return ""


def test_each_namespace_of_a_cluster_is_found_on_its_node(tmp_path: Path) -> None:
    setting = {"cluster-enabled": "yes"}
    with RedisServer(setting) as first, RedisServer(setting) as second:
        nodes = (first, second)
        for node, slots in zip(nodes, (range(8192), range(8192, 16384)), strict=True):
            with Wire(node.port, node.password) as wire:
                assert wire.ask("CLUSTER", "ADDSLOTS", *map(str, slots)) == "OK"
        with Wire(first.port, first.password) as wire:
            wire.ask("CLUSTER", "MEET", "127.0.0.1", str(second.port))
        for node in nodes:
            with Wire(node.port, node.password) as wire:
                wait_until(lambda wire=wire: "cluster_state:ok" in wire.text("CLUSTER", "INFO"))
        # Nodes of a cluster share their password, so that a client may go from one to the other.
        for node in nodes:
            with Wire(node.port, node.password) as wire:
                wire.ask("CONFIG", "SET", "requirepass", "of-the-cluster")
        for name in ("a", "b", "c", "d"):
            url = f"redis://:of-the-cluster@127.0.0.1:{first.port}?namespace={name}"
            here = site(tmp_path, url)
            with here.worker():
                assert here.python(DOUBLE.format(8)) == "16"
        sizes: list[int] = []
        for node in nodes:
            with Wire(node.port, "of-the-cluster") as wire:
                sizes.append(int(str(wire.ask("DBSIZE"))))
        assert all(sizes), f"each node has namespaces: {sizes}"


def test_the_guide_shows_how_other_programs_enqueue(tmp_path: Path) -> None:
    """The arguments of the call are those that the guide's example names, in its order."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "redis.md"
    example = re.search(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
    assert example is not None
    with RedisServer() as server:
        here = site(tmp_path, server.url)
        with here.worker():
            wait_until(lambda: bool(here.cli("status")[0]["workers"]))
            with Wire(server.port, server.password) as wire:
                names: dict[str, Any] = {"redis": wire, "pack": msgspec.msgpack.encode}
                exec(example[1], names)
            job = names["job"]
            wait_until(lambda: here.cli("jobs", "show", job)[0]["state"] == "succeeded")
        assert names["answer"] == ["1", []]


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for a condition of other processes, which can only be polled."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
