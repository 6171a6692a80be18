"""The command line inside Python behaves like the native command."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from laneway._bridge import version

if TYPE_CHECKING:
    from pathlib import Path


def test_it_tells_the_release() -> None:
    command = [sys.executable, "-m", "laneway", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == f"laneway {version}\n"


def test_its_exit_status_is_the_commands() -> None:
    command = [sys.executable, "-m", "laneway", "status", "--store", "jobs.db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "LW1001" in done.stderr


def test_an_interrupt_ends_it_while_it_waits(tmp_path: Path) -> None:
    program = """
import signal, sys
from laneway._bridge import Client, JobTemplate, main
# Only the command's own treatment of an interrupt can end this program.
signal.signal(signal.SIGINT, lambda *_: None)
template = JobTemplate(
    "t", queue="q", lane="async", priority=0, retry=None, timeout=None, grace=None,
    on_interrupt="retry", interrupts_max=None, limit=None,
)
client = Client(sys.argv[1])
[(job, _)] = client.enqueue([(template, b"", None, None, None)])
client.close()
print("waiting", flush=True)
main(["laneway", "jobs", "wait", job, "--store", sys.argv[1]])
"""
    url = f"sqlite:///{tmp_path}/jobs.db"
    with subprocess.Popen(
        [sys.executable, "-c", program, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        for _ in range(200):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
        process.kill()
    assert process.returncode == -signal.SIGINT
