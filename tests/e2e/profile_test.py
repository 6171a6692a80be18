"""`laneway profile` with whole programs: what it sees in them, and what it leaves as it is."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from stories import laneway_command, wait_until

from laneway._override import override

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stacks are read from /proc")

BLOCKING = """
import asyncio, time

def pause():
    time.sleep(0.3)

async def guilty():
    pause()

async def innocent():
    for _ in range(5):
        await asyncio.sleep(0.01)

async def main():
    await asyncio.gather(guilty(), *(innocent() for _ in range(20)))
    print("the program's own words")
"""

API = """
import asyncio, contextlib, os, pathlib, time
from fastapi import FastAPI

@contextlib.asynccontextmanager
async def lifespan(app):
    pathlib.Path(f"loop-{os.getpid()}").touch()
    yield

app = FastAPI(lifespan=lifespan)

@app.get("/items/{item}")
async def item(item: str):
    await asyncio.sleep(0.002)
    return item

@app.get("/slow")
async def slow():
    time.sleep(0.12)
    return None
"""


class Profiled:
    """A program under `laneway profile`, and what was measured of it."""

    def __init__(self, folder: Path, *command: str, options: tuple[str, ...] = ()) -> None:
        self.report_file = folder / "report.json"
        report = ("--json", "--out", str(self.report_file))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LANEWAY_")}
        self.process = subprocess.Popen(
            [*laneway_command(), "profile", *report, *options, "--", *command],
            cwd=folder,
            env=inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, timeout: float = 30) -> tuple[int, str, str]:
        """Waits for the end; gives exit status, standard output and standard error."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        finally:
            self.process.kill()
        return self.process.returncode, out, err

    @property
    def report(self) -> dict[str, Any]:
        """The report in JSON."""
        return json.loads(self.report_file.read_text())


def script(folder: Path, text: str) -> str:
    path = folder / "program.py"
    path.write_text(text)
    return str(path)


def named(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(task for task in report["tasks"] if task["name"].startswith(name))


def test_the_line_that_blocks_is_named_and_the_innocent_are_not(tmp_path: Path) -> None:
    path = script(tmp_path, BLOCKING + "\nasyncio.run(main())\n")
    profiled = Profiled(tmp_path, sys.executable, path)
    status, out, err = profiled.end()
    assert (status, out, err) == (0, "the program's own words\n", "")
    report = profiled.report
    (blocker,) = report["blockers"]
    assert (blocker["task"], blocker["function"]) == ("guilty (program.py:7)", "pause")
    assert (blocker["file"], blocker["line"], blocker["blockage"]) == (path, 5, "call")
    assert "guilty" in blocker["stack"]
    assert blocker["longest_ms"] >= 299
    assert named(report, "innocent")["runs"] == 20
    assert named(report, "guilty")["shares"]["blocked"] > 0.9
    assert named(report, "innocent")["shares"]["awaited"] > 0.9
    (loop,) = report["loops"]
    assert 0.28e3 < loop["blocked_ms"] <= loop["wall_ms"]
    drawn = sum(blocked for *_, blocked in loop["timeline"]) / 1e3
    assert drawn == pytest.approx(loop["blocked_ms"], rel=0.2, abs=30)


def test_what_computes_under_the_gil_is_not_sent_to_a_thread(tmp_path: Path) -> None:
    text = """
import asyncio, hashlib, re
async def matching():
    return re.match(r"(a+)+$", "a" * 25 + "b")
async def hashing():
    return hashlib.pbkdf2_hmac("sha256", b"p", b"s", 700_000)
async def main():
    await asyncio.create_task(matching())
    await asyncio.create_task(hashing())
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end()[0] == 0
    blockers = {seen["function"]: seen for seen in profiled.report["blockers"]}
    matching, hashing = blockers["matching"], blockers["hashing"]
    assert (matching["blockage"], matching["gil_held"], matching["edit"]) == ("cpu", None, None)
    assert "ProcessPoolExecutor" in matching["to_do"]
    assert (hashing["blockage"], hashing["gil_held"], hashing["to_do"]) == ("cpu", False, None)
    call = 'hashlib.pbkdf2_hmac, "sha256", b"p", b"s", 700_000'
    assert hashing["edit"]["instead"] == f"return await asyncio.to_thread({call})"


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is optional")
def test_a_loop_of_uvloop_is_measured_as_well(tmp_path: Path) -> None:
    text = BLOCKING + "\nimport uvloop\nuvloop.run(main())\n"
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end()[0] == 0
    assert [loop["kind"] for loop in profiled.report["loops"]] == ["uvloop.Loop"]
    assert [blocker["line"] for blocker in profiled.report["blockers"]] == [5]


def test_the_threshold_is_the_users(tmp_path: Path) -> None:
    text = BLOCKING + "\nasyncio.run(main())\n"
    options = ("--threshold", "2s")
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text), options=options)
    assert profiled.end()[0] == 0
    assert profiled.report["blockers"] == []


@pytest.mark.parametrize("option", ["--html", "--out"])
def test_a_place_that_cannot_be_written_is_refused_before_the_program_runs(
    tmp_path: Path, option: str
) -> None:
    program = script(tmp_path, "import pathlib\npathlib.Path('ran').touch()\n")
    command = [*laneway_command(), "profile", option, "nowhere/report", "--"]
    done = subprocess.run(
        [*command, sys.executable, program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "`nowhere/report` cannot be written" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_task_factory_of_the_program_stays_in_use(tmp_path: Path) -> None:
    text = """
import asyncio
made = []
def factory(loop, coroutine, **options):
    task = asyncio.Task(coroutine, loop=loop, **options)
    made.append(task)
    return task
async def child(): await asyncio.sleep(0)
async def main():
    asyncio.get_running_loop().set_task_factory(factory)
    await asyncio.gather(*(child() for _ in range(3)))
    print(len(made))
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end() == (0, "3\n", "")
    assert named(profiled.report, "child")["runs"] == 3


PRYING = """
import asyncio, inspect, sys, types, weakref
import anyio

class Mine(asyncio.Task): pass

def factory(loop, coroutine, **options):
    assert inspect.iscoroutine(coroutine), type(coroutine)
    return Mine(coroutine, loop=loop, **options)

async def leaf():
    await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_RUNNING
    return task

async def waits(): await asyncio.sleep(0.05)

async def group():
    async with anyio.create_task_group() as group:
        group.start_soon(leaf)
        group.start_soon(waits)
    with anyio.move_on_after(0.01): await anyio.sleep(60)
    task = asyncio.create_task(leaf())
    assert await task is task

async def pry():
    coroutine = waits()
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    assert task.get_coro() == coroutine and task.get_coro() in {coroutine}
    assert isinstance(task.get_coro(), types.CoroutineType)
    assert weakref.ref(task.get_coro())() is task.get_coro()
    assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_SUSPENDED
    assert task.get_coro().cr_await is coroutine.cr_await is not None
    assert [frame.f_code.co_name for frame in task.get_stack()] == ["waits"]
    await task

async def main(factory):
    loop = asyncio.get_running_loop()
    assert loop.get_task_factory() is None
    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    await asyncio.create_task(group())
    await pry()
    try: loop.set_task_factory(42)
    except TypeError: pass
    else: raise AssertionError("a number is no factory")

factories = [None, factory]
if sys.version_info >= (3, 12):
    factories += [asyncio.eager_task_factory, asyncio.create_eager_task_factory(Mine)]
for factory in factories: asyncio.run(main(factory))
print(len(factories))
"""


def test_a_program_that_looks_at_its_tasks_sees_its_own(tmp_path: Path) -> None:
    # anyio starts its tasks past an eager factory, which it tells by its code; with a factory of
    # ours in that place its cancel scopes broke.
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, PRYING))
    count = 4 if sys.version_info >= (3, 12) else 2
    assert profiled.end() == (0, f"{count}\n", "")
    # Those that anyio starts are named as any other, and measured as well.
    assert named(profiled.report, "leaf (program.py:11)")["runs"] == 2 * count


def test_endpoints_are_told_apart_by_their_routes(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(API)
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "api:app", "--port", str(port))
    page = tmp_path / "report.html"
    profiled = Profiled(tmp_path, *command, options=("--html", str(page)))
    wait_until(lambda: answers(port, "/items/first"), what="an answer of the server")
    threads = [threading.Thread(target=visit, args=(port, path, 25)) for path in ("slow", "items")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    profiled.process.send_signal(signal.SIGINT)
    profiled.end()
    report = profiled.report
    guilty, innocent = named(report, "GET /slow"), named(report, "GET /items/{item}")
    assert (guilty["runs"], guilty["is_endpoint"]) == (25, True)
    assert innocent["runs"] == 26
    assert guilty["shares"]["blocked"] > 0.9
    assert guilty["lag_share"] > 0.9
    assert innocent["lag_share"] < 0.1
    blockers = [b for b in report["blockers"] if b["task"].startswith("GET")]
    assert [(b["task"], b["line"]) for b in blockers] == [("GET /slow", 19)]
    (advice,) = [a for a in report["advice"] if a["task"].startswith("GET")]
    assert (advice["task"], advice["rule"], advice["has_change"]) == ("GET /slow", "R1", True)
    check_page(page.read_text())


def test_every_worker_of_a_server_is_measured(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(API)
    port = free_port()
    command = (sys.executable, "-m", "uvicorn", "api:app", "--port", str(port), "--workers", "2")
    profiled = Profiled(tmp_path, *command)
    wait_until(lambda: answers(port, "/items/first"), what="an answer of the server")
    wait_until(lambda: len(list(tmp_path.glob("loop-*"))) == 2, what="the loop of each worker")
    visit(port, "items", 10)
    profiled.process.send_signal(signal.SIGTERM)
    profiled.end()
    assert len({loop["process"] for loop in profiled.report["loops"]}) == 2
    assert named(profiled.report, "GET /items/{item}")["runs"] == 11


def test_a_child_that_is_forked_in_a_running_loop_is_measured(tmp_path: Path) -> None:
    text = """
import asyncio, os, time
async def in_the_child():
    await asyncio.sleep(0.01)
    time.sleep(0.2)
async def main():
    child = os.fork()
    if child == 0:
        asyncio.run(in_the_child())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end()[0] == 0
    assert len({loop["process"] for loop in profiled.report["loops"]}) == 2
    assert named(profiled.report, "in_the_child")["runs"] == 1
    assert all(loop["steps"] >= 1 for loop in profiled.report["loops"])
    assert [b["task"] for b in profiled.report["blockers"] if "in_the_child" in b["task"]]


def test_an_interrupt_ends_the_program_as_ever_and_the_report_follows(tmp_path: Path) -> None:
    text = """
import asyncio
async def main():
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.process.stdout is not None
    assert profiled.process.stdout.readline() == "ready\n"
    profiled.process.send_signal(signal.SIGINT)
    status, _, err = profiled.end()
    assert status == 128 + signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert named(profiled.report, "main")["runs"] == 1


@pytest.mark.parametrize(
    ("step", "blockage"),
    [("time.sleep(1.5); os._exit(7)", "call"), ("while True: pass", "cpu")],
)
def test_the_step_in_which_a_program_ends_is_in_the_report(
    tmp_path: Path, step: str, blockage: str
) -> None:
    text = f"""
import asyncio, os, signal, subprocess, sys, time
async def main():
    await asyncio.sleep(0.01)
    subprocess.Popen([sys.executable, "-Sc", "import os, time; time.sleep(1.5); os.kill({{}}, 15)"
        .format(os.getpid())])
    {step}
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end()[0] in {7, 128 + signal.SIGTERM}
    report = profiled.report
    (blocker,) = report["blockers"]
    assert (blocker["line"], blocker["function"]) == (7, "main")
    assert blocker["blockage"] == blockage
    assert blocker["longest_ms"] > 800
    assert "main" in blocker["stack"]
    # On a busy host it waits for a core for a good part of the time, too.
    (loop,) = report["loops"]
    shares = named(report, "main")["shares"]
    of_loop = {"cpu": loop["cpu_ms"], "call": loop["blocked_ms"]}
    of_task = {"cpu": shares["cpu"], "call": shares["blocked"]}
    other = "call" if blockage == "cpu" else "cpu"
    assert of_loop[blockage] > of_loop[other]
    assert of_task[blockage] > of_task[other]
    assert shares["awaited"] < 0.3


def test_a_loop_that_ran_only_shortly_did_run(tmp_path: Path) -> None:
    text = """
import asyncio, os
async def main(): os._exit(3)
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end() == (3, "", "")
    assert len(profiled.report["loops"]) == 1


def test_what_was_measured_outlives_a_sudden_death(tmp_path: Path) -> None:
    text = """
import asyncio, os, signal
async def short(): await asyncio.sleep(0.01)
async def main():
    await asyncio.gather(*(short() for _ in range(7)))
    await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    assert profiled.end()[0] == 128 + signal.SIGKILL
    assert named(profiled.report, "short")["runs"] == 7
    assert named(profiled.report, "main")["unfinished"] == 1


def test_a_crash_keeps_its_traceback_and_its_status(tmp_path: Path) -> None:
    text = """
import asyncio
async def wrong(): raise ValueError("no such card")
async def main():
    try:
        await asyncio.create_task(wrong())
    finally:
        await asyncio.sleep(0)
asyncio.run(main())
"""
    profiled = Profiled(tmp_path, sys.executable, script(tmp_path, text))
    status, _, err = profiled.end()
    assert status == 1
    assert "ValueError: no such card" in err
    assert named(profiled.report, "wrong")["errors"] == 1


def test_a_program_without_an_event_loop_runs_and_is_told_so(tmp_path: Path) -> None:
    program = script(tmp_path, "import sys\nprint(sys.argv[1:], 'asyncio' in sys.modules)\n")
    profiled = Profiled(tmp_path, program, "--flag", "x")
    status, out, err = profiled.end()
    assert (status, out) == (0, "['--flag', 'x'] False\n")
    assert "no event loop ran" in err
    assert not profiled.report_file.exists()


def test_a_python_without_laneway_is_refused_before_the_program_runs(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    program = script(tmp_path, BLOCKING + "\nasyncio.run(main())\n")
    status, out, err = Profiled(tmp_path, str(tmp_path / "bare/bin/python"), program).end()
    assert (status, out) == (2, "")
    assert json.loads(err)["error"]["code"] == "LW1033"


def test_a_sitecustomize_of_the_environment_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('customized')")
    program = script(tmp_path, "import os\nprint('here')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*laneway_command(), "profile", "--", sys.executable, program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "customized\nhere\n")


def test_a_report_for_people_names_the_line_and_what_to_write(tmp_path: Path) -> None:
    text = "import asyncio, time\nasync def main():\n    time.sleep(0.2)\nasyncio.run(main())\n"
    done = subprocess.run(
        [*laneway_command(), "profile", "--live", "--", sys.executable, script(tmp_path, text)],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "main (program.py:2) blocks the event loop" in done.stderr
    assert "program.py:3 in main: waits in a blocking call" in done.stderr
    assert "+ await asyncio.sleep(0.2)" in done.stderr


def test_every_blocker_is_told_or_counted_and_no_stack_begins_in_the_loop(tmp_path: Path) -> None:
    names = [f"task_{number}" for number in range(11)]
    tasks = "".join(f"async def {name}():\n    time.sleep(0.2)\n" for name in names)
    text = f"""
import asyncio, time
{tasks}
async def main():
    await asyncio.gather({", ".join(f"{name}()" for name in names)})
asyncio.run(main())
"""
    command = (sys.executable, script(tmp_path, text))
    profiled = Profiled(tmp_path, *command)
    assert profiled.end()[0] == 0
    blockers = profiled.report["blockers"]
    assert len(blockers) == 11
    for blocker in blockers:
        assert blocker["edit"] == {
            "now": "time.sleep(0.2)",
            "instead": "await asyncio.sleep(0.2)",
        }
        assert blocker["stack"].startswith(blocker["file"])
    done = subprocess.run(
        [*laneway_command(), "profile", "--", *command],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=tmp_path,
        check=False,
    )
    assert done.stderr.count("blocks the event loop") == 8
    assert "3 more lines block" in done.stderr
    assert "`--html FILE` and `--json` show all" in " ".join(done.stderr.split())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


def visit(port: int, what: str, times: int) -> None:
    for number in range(times):
        assert answers(port, "/slow" if what == "slow" else f"/items/{number}")


class _Page(HTMLParser):
    """Collects what a page would load, and its bars."""

    VOID = ("meta", "rect", "link", "img")

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.blocked_bars = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [value for name in ("src", "href") if (value := given.get(name))]
        if tag == "script":
            self.loaded.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.blocked_bars += tag == "rect" and given.get("class") == "blocked"

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def check_page(text: str) -> None:
    page = _Page()
    page.feed(text)
    assert page.loaded == []
    assert page.open == []
    # 25 pauses of 120 ms, in slices of 100 ms.
    assert page.blocked_bars >= 25
    for part in ("GET /slow", "GET /items/{item}", "api.py:19", "time.sleep(0.12)"):
        assert part in text
