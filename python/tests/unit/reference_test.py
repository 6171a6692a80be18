"""An application has one name in every process, however its file was started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from laneway import Laneway
from laneway._reference import import_folder_of, module_name_of
from laneway.errors import AppError

APP = """
from laneway import Laneway
app = Laneway()
@app.task
def work() -> None: ...
if __name__ == "__main__":
    print(app.reference, work.name)
"""

here = Laneway()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tasks.py").write_text(APP)
    (package / "__main__.py").write_text(APP)
    (tmp_path / "single.py").write_text(APP)
    return tmp_path


def started(project: Path, *command: str) -> str:
    result = subprocess.run(
        [sys.executable, *command], cwd=project, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_a_script_is_named_by_its_file(project: Path) -> None:
    assert started(project, "single.py") == f"{project}/single.py:app single.work"
    assert started(project, "shop/tasks.py") == f"{project}/shop/tasks.py:app shop.tasks.work"


def test_a_module_that_is_run_keeps_its_name(project: Path) -> None:
    assert started(project, "-m", "shop.tasks") == "shop.tasks:app shop.tasks.work"
    assert started(project, "-m", "shop") == "shop.__main__:app shop.__main__.work"


def test_an_imported_module_is_named_as_it_was_imported() -> None:
    assert here.reference == f"{__name__}:here"
    folder = import_folder_of(here.reference)
    assert folder is not None
    assert Path(folder, *__name__.split(".")).with_suffix(".py") == Path(__file__)


def test_a_file_in_packages_has_its_full_name(project: Path) -> None:
    assert module_name_of(project / "shop" / "tasks.py") == ("shop.tasks", project)
    assert module_name_of(project / "shop" / "__init__.py") == ("shop", project)
    assert module_name_of(project / "single.py") == ("single", project)


def test_what_has_no_name_cannot_be_found() -> None:
    for app in (Laneway(), [Laneway()][0]):
        with pytest.raises(AppError) as caught:
            assert app.reference
        assert caught.value.code == "LW1030"


def test_what_was_typed_cannot_be_found(project: Path) -> None:
    program = "from laneway import Laneway\napp = Laneway()\napp.reference"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False
    )
    assert "LW1030" in result.stderr
    assert "interactive" in result.stderr
