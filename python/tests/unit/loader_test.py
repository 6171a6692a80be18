"""A worker finds the application that it is told to run, or says exactly why not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from laneway.errors import LanewayError
from laneway._runner.loader import load
try:
    app = load(sys.argv[1])
except LanewayError as error:
    print(error.code, error.what, error.why, error.fix, sep="|")
else:
    print(*app.definitions)
"""

APP = """
from laneway import Laneway
app = Laneway()
@app.task
def work(n: int) -> int:
    return n
"""


def loaded(folder: Path, reference: str) -> str:
    """Loads an application in a fresh process; its tasks, or the parts of the error."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, reference],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "project" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tasks.py").write_text(APP)
    (package.parent / "single.py").write_text(APP)
    return package.parent


@pytest.mark.parametrize(
    ("reference", "tasks"),
    [
        ("single", "single.work"),
        ("single:app", "single.work"),
        ("single.py", "single.work"),
        ("single.py:app", "single.work"),
        ("shop.tasks", "shop.tasks.work"),
        ("shop.tasks:app", "shop.tasks.work"),
        ("shop/tasks.py", "shop.tasks.work"),
        ("./shop/tasks.py:app", "shop.tasks.work"),
    ],
)
def test_an_application_is_found_by_module_and_by_file(
    project: Path, reference: str, tasks: str
) -> None:
    assert loaded(project, reference) == tasks


def test_a_file_elsewhere_brings_its_own_folder(project: Path, tmp_path: Path) -> None:
    assert loaded(tmp_path, str(project / "shop" / "tasks.py")) == "shop.tasks.work"


@pytest.mark.parametrize(
    ("reference", "code", "words"),
    [
        ("", "LW1030", "does not name"),
        ("nowhere", "LW1030", "no module `nowhere`"),
        ("shop.nowhere", "LW1030", "no module `shop.nowhere`"),
        ("nowhere.py", "LW1030", "no file `nowhere.py`"),
        ("single:other", "LW1030", "`other` is not there; the module has `app`"),
        ("single:work", "LW1030", "is a `SyncTask`"),
        ("shop", "LW1030", "no application"),
    ],
)
def test_a_wrong_reference_is_explained(
    project: Path, reference: str, code: str, words: str
) -> None:
    text = loaded(project, reference)
    assert text.startswith(f"{code}|")
    assert words in text


def test_several_applications_have_to_be_told_apart(project: Path) -> None:
    (project / "two.py").write_text(f"{APP}\nother = Laneway()\n")
    text = loaded(project, "two")
    assert text.startswith("LW1030|")
    assert "`app`, `other`" in text
    assert loaded(project, "two:app") == "two.work"


def test_two_names_of_one_application_are_one(project: Path) -> None:
    (project / "alias.py").write_text(f"{APP}\nsame = app\n")
    assert loaded(project, "alias") == "alias.work"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import not_there", "No module named 'not_there'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_an_import_that_fails_is_shown_without_machinery(
    project: Path, line: str, words: str
) -> None:
    (project / "broken.py").write_text(f"{APP}\n{line}\n")
    text = loaded(project, "broken")
    assert text.startswith("LW1031|")
    assert words in text
    assert "importlib" not in text
    assert "loader.py" not in text


def test_a_wrong_task_keeps_its_code_and_tells_its_place(project: Path) -> None:
    (project / "clash.py").write_text(f"{APP}\n@app.task(name='clash.work')\ndef other(): ...\n")
    text = loaded(project, "clash")
    assert text.startswith("LW1032|")
    assert "clash.py`, line" in text


def test_a_file_that_hides_behind_a_module_is_refused(project: Path) -> None:
    (project / "apps").mkdir()
    (project / "apps" / "typing.py").write_text(APP)
    text = loaded(project, "apps/typing.py")
    assert text.startswith("LW1030|")
    assert "rename the file" in text
