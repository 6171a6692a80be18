"""`scripts/knowledge_names.py` finds the names of the knowledge base that do not exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPT = REPOSITORY / "scripts" / "knowledge_names.py"
KNOWLEDGE = REPOSITORY / "crates" / "laneway-check" / "knowledge"

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="the script reads TOML, which this Python cannot"
)


def look_up(knowledge: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, "--python", sys.executable, "--knowledge", knowledge]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.timeout(120)
def test_every_name_that_can_be_looked_up_here_exists() -> None:
    answer = look_up(KNOWLEDGE)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stdout + answer.stderr


def test_a_made_up_name_is_reported(tmp_path: Path) -> None:
    entry = '[[entry]]\nnames = ["time.{sleep,slumber}", "no_such_library_here.get"]\n'
    (tmp_path / "wrong.toml").write_text(entry)
    answer = look_up(tmp_path)
    assert answer.returncode == 1
    assert answer.stdout.splitlines() == ["time.slumber: no interpreter has it"]
    assert "not looked up, for no interpreter has them: no_such_library_here" in answer.stderr


def test_what_makes_a_type_and_what_is_quiet_in_it_must_exist(tmp_path: Path) -> None:
    kind = (
        '[[type]]\nname = "queue.EndlessQueue"\nbases = ["queue.Queue"]\nquiet = ["put", "shove"]\n'
        'made_by = ["queue.{Queue,Heap}"]\nwhen = [{ arg = "maxsize", at = 0, given = false }]\n'
    )
    (tmp_path / "wrong.toml").write_text(kind)
    answer = look_up(tmp_path)
    assert answer.stdout.splitlines() == [
        "queue.Heap: no interpreter has it",
        "queue.Queue.shove: no interpreter has it",
    ]
