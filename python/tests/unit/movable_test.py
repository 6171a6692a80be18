"""What the code of a task says about moving it between threads and processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import movable_app

from laneway import Laneway
from laneway._runner.movable import cold_caches, why_held
from laneway.errors import TaskOptionError

DEFINITIONS = {
    name.removeprefix("movable."): definition
    for name, definition in movable_app.app.definitions.items()
}

HELD = {
    "writes_global": "it writes the global variable `counter`",
    "calls_one_that_writes": "it names `count`, which writes the global variable `counter`",
    "remembers": "it may change the global `SEEN`",
    "sums": "it may write the attribute `sum` of the global `Totals`",
    "shares_default": "`shares_default` has a default that all its calls share",
    "thread_local": "it uses `LOCAL`: what belongs to a thread",
    "locks": "it uses `LOCK`: a lock, which guards nothing between processes",
    "context": "it uses `REQUEST`: a context variable",
    "loops": "it uses `get_running_loop`, which asks where it runs",
    "signals": "it uses `signal.signal`, and signals belong to the main thread of a process",
    "changes_folder": "it uses `chdir`, which changes the whole process",
    "exports": "it may change `os.environ`, which belongs to the whole process",
    "adds": "it uses `LEDGER`, an object that threads would share",
    "notes": "it uses `Ledger.note`, which threads would share",
    "queries": "it uses `DATABASE`: a connection to a database",
    "inner": "it is made by another function, whose variables it may hold",
    "lambda": "it is a lambda",
    "hidden": "`movable_app.hidden` is something else",
    "declared_unsafe": "it is declared with `thread_safe=False`",
}
MOVABLE = {
    "waits",
    "looks_up",
    "builds",
    "reads",
    "recurses",
    "uses_cache",
    "makes_its_own",
    "injects_safely",
}


def test_every_task_of_the_application_is_looked_at_here() -> None:
    assert set(DEFINITIONS) == MOVABLE | set(HELD) | {"injects"}


@pytest.mark.parametrize("name", sorted(MOVABLE))
def test_a_function_that_keeps_to_itself_can_be_moved(name: str) -> None:
    assert why_held(DEFINITIONS[name]) == ""


@pytest.mark.parametrize("name", sorted(HELD))
def test_a_function_that_would_behave_otherwise_is_held_and_says_why(name: str) -> None:
    assert why_held(DEFINITIONS[name]) == HELD[name]


def test_an_injected_resource_holds_its_task() -> None:
    assert why_held(DEFINITIONS["injects"]).startswith("it injects `connection`, which attempts in")


def test_caches_are_told() -> None:
    assert cold_caches(DEFINITIONS["uses_cache"]) == ["square"]
    assert cold_caches(DEFINITIONS["waits"]) == []


def test_the_lane_reads_auto_and_jobs_are_stored_for_the_process_lane() -> None:
    assert movable_app.waits.lane == "auto"
    assert DEFINITIONS["waits"].settings.first_lane == "process"


def test_a_coroutine_function_has_no_auto_lane() -> None:
    async def fetch() -> None: ...

    decorator = Laneway().task(lane="auto")
    with pytest.raises(TaskOptionError, match="`lane='auto'`") as caught:
        decorator(fetch)
    assert caught.value.code == "LW1036"
