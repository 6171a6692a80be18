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

IDENTITY = """
import sys
from laneway._reference import as_module
from laneway._runner.loader import load
reference = as_module(sys.argv[1])
print(load(sys.argv[1]).identity(reference))
"""


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


def identified(folder: Path, reference: str) -> str:
    """What a store knows an application by that a fresh runner has found."""
    return started(folder, "-c", IDENTITY, reference)


def test_an_application_is_known_by_its_module_and_variable(project: Path) -> None:
    assert here.identity(__name__) == f"{__name__}:here"
    for reference in ("single", "single:app", "single.py", "single.py:app", "./single.py"):
        assert identified(project, reference) == "single:app"
    for reference in ("shop.tasks", "shop/tasks.py", f"{project}/shop/tasks.py:app"):
        assert identified(project, reference) == "shop.tasks:app"
    assert identified(project / "shop", "tasks.py") == "shop.tasks:app"


def test_a_program_that_is_run_is_known_as_its_worker_knows_it(project: Path) -> None:
    text = APP.replace("app.reference, work.name", "app.identity('')")
    for path in ("single.py", "shop/tasks.py", "shop/__main__.py"):
        (project / path).write_text(text)
    for command in (["single.py"], ["-m", "single"]):
        assert started(project, *command) == "single:app"
    for command in (["shop/tasks.py"], ["-m", "shop.tasks"]):
        assert started(project, *command) == "shop.tasks:app"
    for command in (["shop/__main__.py"], ["-m", "shop"]):
        assert started(project, *command) == "shop.__main__:app"
    assert identified(project, "shop/__main__.py") == "shop.__main__:app"


def test_a_package_may_hold_the_application_itself(project: Path) -> None:
    (project / "shop" / "__init__.py").write_text(APP)
    for reference in ("shop", "shop:app", "shop/__init__.py"):
        assert identified(project, reference) == "shop:app"


def test_a_link_is_known_as_the_file_that_it_leads_to(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to(project / "shop" / "tasks.py")
    assert identified(tmp_path, "link.py") == "shop.tasks:app"


def test_the_first_of_two_names_of_one_application_counts(project: Path) -> None:
    (project / "alias.py").write_text(f"{APP}\nsame = app\n")
    for reference in ("alias", "alias:app", "alias:same", "alias.py:same"):
        assert identified(project, reference) == "alias:app"


def test_an_application_is_known_by_its_maker_however_it_is_imported(project: Path) -> None:
    (project / "other.py").write_text("from shop.tasks import app as jobs\n")
    assert identified(project, "other:jobs") == "shop.tasks:app"


def test_what_a_function_made_is_known_by_where_it_was_found(project: Path) -> None:
    (project / "make.py").write_text("from laneway import Laneway\ndef make(): return Laneway()\n")
    (project / "made.py").write_text(
        "import types\nfrom make import make\napp = make()\n"
        "held = types.SimpleNamespace(app=make())\n"
    )
    for reference in ("made", "made:app", "made.py", "made.py:app"):
        assert identified(project, reference) == "made:app"
    assert identified(project, "made.py:held.app") == "made:held.app"
    (project / "shop" / "made.py").write_text("from make import make\napp = make()\n")
    assert identified(project, "shop/made.py") == "shop.made:app"


@pytest.mark.parametrize(
    "constructor",
    [
        "def __init__(self): super().__init__()",
        "def __init__(this, *more): super().__init__(name=(lambda: this) and None)",
        "def __init__(self): self.begin()\n    def begin(self): Laneway.__init__(self)",
        "pass",
    ],
)
def test_a_subclass_is_known_by_the_module_that_calls_it(project: Path, constructor: str) -> None:
    (project / "base.py").write_text(
        f"from laneway import Laneway\nclass Base(Laneway):\n    {constructor}\n"
        "class Derived(Base):\n    def __init__(self): super().__init__()\n"
    )
    (project / "sub.py").write_text(
        "from base import Base, Derived\none = Base()\ntwo = Derived()\n"
    )
    (project / "view.py").write_text("from sub import one as first, two as second\n")
    # Found elsewhere, so that it is the maker that counts.
    assert identified(project, "view:first") == "sub:one"
    assert identified(project, "view:second") == "sub:two"


def test_a_constructor_that_hides_its_caller_leaves_where_it_was_found(project: Path) -> None:
    (project / "base.py").write_text(
        "from laneway import Laneway\nclass Base(Laneway):\n"
        "    def __init__(*self): Laneway.__init__(*self)\n"
    )
    (project / "sub.py").write_text("from base import Base\napp = Base()\n")
    assert identified(project, "sub.py") == "sub:app"


def test_a_stated_name_is_the_application_wherever_it_lies(project: Path) -> None:
    text = APP.replace("Laneway()", 'Laneway(name="shop")')
    (project / "single.py").write_text(text)
    (project / "shop" / "tasks.py").write_text(text)
    for reference in ("single", "single.py:app", "shop.tasks", "shop/tasks.py"):
        assert identified(project, reference) == "shop"
