"""The demo, small: everything ends, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parent.parent / "demo"


@pytest.mark.timeout(120)
def test_the_demo_loses_nothing() -> None:
    scale = ["--updates", "200", "--reports", "60", "--notices", "30", "--source-mb", "1"]
    done = subprocess.run(
        [sys.executable, str(DEMO / "run.py"), *scale],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9 of the whole worker" in done.stdout
    lost = next(line for line in done.stdout.splitlines() if line.strip().startswith("lost"))
    assert lost.split()[-1] == "0"
    _, _, advice = done.stdout.partition("laneway advise")
    _, _, mirror = advice.partition("notify_mirror")
    assert "R5" in mirror.partition("\n\n")[0]
    assert 'lane="thread"' in mirror.partition("\n\n")[0]
