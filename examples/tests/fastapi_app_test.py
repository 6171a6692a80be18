"""The FastAPI example, run as its README says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / "fastapi_app"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "server.log"
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE), "app:api"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, "LANEWAY_STORE": f"sqlite:///{tmp_path}/web.db"},
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            try:
                httpx.get(address, timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        # When uvicorn has shut down, it raises the signal that asked for it again.
        assert process.wait(timeout=30) == -signal.SIGTERM
        said = log.read_text()
        assert "Application shutdown complete." in said, said


@pytest.mark.timeout(90)
def test_the_web_application_enqueues_and_awaits(server: str) -> None:
    greeting = httpx.get(f"{server}/greet/Ada", timeout=20).raise_for_status().json()
    assert greeting["greeting"] == "hello Ada"
    ordered = httpx.post(f"{server}/keys", params={"password": "secret"}, timeout=20)
    assert ordered.status_code == 202
    key = httpx.get(f"{server}{ordered.headers['Location']}", params={"wait": 20}, timeout=30)
    assert key.json()["state"] == "succeeded"
    assert len(key.json()["key"]) == 64
    unknown = httpx.get(f"{server}/keys/01JD3Z7Q6W8X9YK2M4N5P6R7S8", timeout=20)
    assert unknown.status_code == 404
