"""`scripts/services.py` and the servers behind it, with real Redis and PostgreSQL servers."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from servers import PostgresServer, RedisServer, Server, ServerFailedError
from servers.process import free_port

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "services.py"
# A command that tells where its Redis is and ends with standard input.
TELLING = (
    "import os, sys; print(os.environ['LANEWAY_TEST_REDIS_URL'], flush=True); sys.stdin.read()"
)


def services(*words: str) -> subprocess.CompletedProcess[str]:
    """The script, run to its end."""
    return subprocess.run(
        [sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False, timeout=25
    )


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The script with a Redis in `tmp_path` and a command that waits."""
    script = subprocess.Popen(
        [sys.executable, SCRIPT, "run", "redis", "--", sys.executable, "-c", TELLING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        # Without a terminal: where there is one, an interrupt is its business.
        start_new_session=True,
    )
    with script:
        yield script
        script.kill()


def port_told_by(script: subprocess.Popen[str]) -> int:
    assert script.stdout is not None
    line: str = script.stdout.readline()
    port = urlsplit(line.strip()).port
    assert port is not None
    return port


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true that no signal tells of, asked for at most 20 s."""
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_the_command_gets_urls_of_servers_that_answer_and_gives_its_status() -> None:
    code = (
        "import os, socket, sys\n"
        "from urllib.parse import urlsplit\n"
        "for kind in ('REDIS', 'POSTGRES'):\n"
        "    url = urlsplit(os.environ[f'LANEWAY_TEST_{kind}_URL'])\n"
        "    assert url.password and url.hostname == '127.0.0.1'\n"
        "    socket.create_connection((url.hostname, url.port)).close()\n"
        "    print(url.scheme)\n"
        "sys.exit(7)\n"
    )
    ended = services("run", "redis", "postgres", "--", sys.executable, "-c", code)
    assert (ended.returncode, ended.stdout) == (7, "redis\npostgresql\n"), ended.stderr


def test_a_command_that_a_signal_ended_gives_a_shells_status() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert services("run", "redis", "--", sys.executable, "-c", code).returncode == 137
    assert services("run", "redis", "--", "no-such-program").returncode == 127


def test_wrong_words_are_refused() -> None:
    assert "none of redis, postgres, pgbouncer" in services("run", "mysql", "--", "true").stderr
    assert services("run", "redis").returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_and_the_servers(
    telling: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    port = port_told_by(telling)
    telling.send_signal(number)
    assert telling.wait(20) in {128 + number, 1}
    assert not listens(port)
    assert list(tmp_path.iterdir()) == []


def test_a_ctrl_c_reaches_the_command_once() -> None:
    code = (
        "import os, signal, sys\n"
        "count = 0\n"
        "def seen(*_):\n"
        "    global count\n"
        "    count += 1\n"
        "    os.write(1, b'seen\\n')\n"
        "signal.signal(signal.SIGINT, seen)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(count))\n"
        "print('begun', flush=True)\n"
        "while True: signal.pause()\n"
    )
    terminal, its_end = pty.openpty()

    def make_it_the_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    script = subprocess.Popen(
        [sys.executable, SCRIPT, "run", "redis", "--", sys.executable, "-c", code],
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        preexec_fn=make_it_the_terminal,  # noqa: PLW1509 - it makes two system calls
    )
    os.close(its_end)
    shown = b""
    while b"begun" not in shown:
        shown += os.read(terminal, 4096)
    # The script comes to its own interrupt only when the command has seen the terminal's: else two
    # that arrive together would count as one.
    script.send_signal(signal.SIGSTOP)
    os.write(terminal, b"\x03")
    while b"seen" not in shown:
        shown += os.read(terminal, 4096)
    script.send_signal(signal.SIGTERM)
    script.send_signal(signal.SIGCONT)
    assert script.wait(20) == 1
    os.close(terminal)


def test_a_killed_script_leaves_neither_server_nor_folder(
    telling: subprocess.Popen[str], tmp_path: Path
) -> None:
    port = port_told_by(telling)
    telling.kill()
    telling.wait(20)
    assert eventually(lambda: not listens(port) and list(tmp_path.iterdir()) == [])


@pytest.mark.parametrize("kind", [RedisServer, PostgresServer])
def test_a_server_keeps_its_data_through_a_restart_and_a_crash(kind: type[Server]) -> None:
    with kind() as server:
        url, first = server.url, server.pid
        server.restart()
        second = server.pid
        server.crash()
        assert not listens(server.port)
        server.start()
        assert server.url == url
        assert len({first, second, server.pid}) == 3
        folder = server.folder
    assert not folder.exists()


def test_a_server_that_cannot_start_shows_its_log_and_leaves_nothing() -> None:
    server = RedisServer({"maxmemory-policy": "no-such-policy"})
    with pytest.raises(ServerFailedError, match="no-such-policy"), server:
        pass
    assert not server.folder.exists()


def test_a_port_is_not_one_that_outgoing_connections_get() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        assert free_port() < listener.getsockname()[1]
