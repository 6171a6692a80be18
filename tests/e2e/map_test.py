"""`laneway.map` in whole programs: scripts without a guard, Ctrl-C, sudden death, real HTTP."""

from __future__ import annotations

import http.client
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import laneway
from laneway._override import override

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

HEAD = """
import os, sys, threading, time
from pathlib import Path
import laneway
def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
    return os.getpid()
"""


def run(folder: Path, body: str, *, code: int = 0) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(HEAD + body)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=folder,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def start(folder: Path, body: str) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(HEAD + body)
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def wait_for(folder: Path, pattern: str, count: int) -> list[str]:
    """The names of files that the items leave, once there are so many."""
    until = time.monotonic() + 15
    while len(found := [path.name for path in folder.glob(pattern)]) < count:
        assert time.monotonic() < until, found
        time.sleep(0.005)
    return found


def lives(pid: str) -> bool:
    try:
        state = Path("/proc", pid, "stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pids: list[str]) -> None:
    until = time.monotonic() + 5
    while any(lives(pid) for pid in pids):
        assert time.monotonic() < until, [pid for pid in pids if lives(pid)]
        time.sleep(0.005)


def test_a_script_without_a_guard_may_use_processes_and_lambdas(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
print("once")
pids = laneway.map(lambda n: compute(0.02), range(6), lane="process", concurrency=2)
print(len(set(pids)), os.getpid() in pids)
""",
    )
    assert done.stdout.splitlines() == ["once", "2 False"]
    assert done.stderr == ""


def test_a_script_beside_threads_needs_a_guard_and_then_works(tmp_path: Path) -> None:
    thread = "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    call = 'print(len(laneway.map(compute, [0.01] * 4, lane="process", concurrency=2)))\n'
    refused = run(tmp_path, thread + call, code=1)
    assert "error[LW3020]: `compute` cannot be sent" in refused.stderr
    assert "__main__" in refused.stderr
    guarded = 'if __name__ == "__main__":\n    ' + thread + "    " + call
    assert run(tmp_path, guarded).stdout == "4\n"


def test_a_call_outside_the_guard_is_told_so(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
laneway.map(compute, [0.01] * 4, lane="process", concurrency=2)
if __name__ == "__main__":
    print("never")
""",
        code=1,
    )
    assert "LW3020" in done.stderr
    assert "imported the main program" in done.stderr
    assert "never" not in done.stdout


def test_without_a_way_into_processes_the_run_stays_inline_and_says_why(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
result = laneway.map(compute, [0.05] * 60)
print(result.lane, set(result) == {os.getpid()})
""",
    )
    assert done.stdout == "inline True\n"
    if len(os.sched_getaffinity(0)) > 1:
        assert "it computes, but" in done.stderr


def test_a_process_that_does_not_find_the_function_leaves_the_run_inline(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import types
plugin = types.ModuleType("plugin_of_this_process")
exec("def work(n): return compute(n)", plugin.__dict__)
plugin.compute = compute
if __name__ == "__main__":
    sys.modules[plugin.__name__] = plugin
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    result = laneway.map(plugin.work, [0.05] * 60)
    print(result.lane, set(result) == {os.getpid()}, len(result.errors))
""",
    )
    assert done.stdout == "inline True 0\n", done.stderr
    if len(os.sched_getaffinity(0)) > 1:
        assert "it computes, but" in done.stderr


@pytest.mark.parametrize(
    ("at_import", "what"),
    [
        ("sys.exit(7)", "raised SystemExit: 7 at "),
        ("raise RuntimeError('no card')", "raised RuntimeError: no card at "),
        ("os._exit(9)", "ended with exit status 9 meanwhile"),
    ],
)
def test_a_main_program_that_cannot_be_imported_is_named_with_what_to_do(
    tmp_path: Path, at_import: str, what: str
) -> None:
    text = f"""
if __name__ != "__main__": {at_import}
if __name__ == "__main__":
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    try: laneway.map(compute, [0.05] * 4, lane="process", concurrency=2)
    except laneway.errors.MapError as error: print(error)
    result = laneway.map(compute, [0.05] * 60)
    print(result.lane)
"""
    done = run(tmp_path, text)
    fix = 'put what an import must not run under `if __name__ == "__main__":`'
    assert what in done.stdout
    assert fix in done.stdout
    assert done.stdout.endswith("inline\n")
    if len(os.sched_getaffinity(0)) > 1:
        [line] = [line for line in done.stderr.splitlines() if "it computes, but" in line]
        assert what in line
        assert fix in line


LANES = {
    "inline": ("work", 'lane="inline"'),
    "thread": ("work", 'lane="thread", concurrency=3'),
    "process": ("work", 'lane="process", concurrency=2'),
    "measured": ("work", "concurrency=3"),
    "async": ("work_async", "concurrency=3"),
}
INTERRUPTED = """
import asyncio
def work(n):
    Path(f"began-{{n}}").touch(); time.sleep(0.05); Path(f"ended-{{n}}").touch(); return n
async def work_async(n):
    Path(f"began-{{n}}").touch(); await asyncio.sleep(0.05); Path(f"ended-{{n}}").touch(); return n
result = laneway.map({fn}, range(2000), progress=False, {options})
done = [n for n in result if n is not None]
ended = len(list(Path().glob("ended-*")))
began = len(list(Path().glob("began-*")))
print(result.interrupted, len(result), len(done) == ended == began, len(done) + len(result.pending))
"""


@pytest.mark.parametrize("case", LANES)
def test_ctrl_c_lets_what_runs_end_and_gives_what_is_done(tmp_path: Path, case: str) -> None:
    fn, options = LANES[case]
    process = start(tmp_path, INTERRUPTED.format(fn=fn, options=options))
    wait_for(tmp_path, "ended-*", 4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out) == (0, "True 2000 True 2000\n"), err
    assert "stopping" in err


STUBBORN = """
import asyncio
def work(n):
    Path(f"pid-{{os.getpid()}}").touch(); time.sleep(60); return n
async def work_async(n):
    Path(f"pid-{{os.getpid()}}").touch(); await asyncio.sleep(60); return n
result = laneway.map({fn}, range(9), progress=False, {options})
print(result.interrupted, result.lane, len(result.pending))
"""


@pytest.mark.parametrize("case", ["inline", "measured", "process", "async"])
def test_ctrl_c_ends_what_does_not_end_by_itself(tmp_path: Path, case: str) -> None:
    fn, options = LANES[case]
    process = start(tmp_path, STUBBORN.format(fn=fn, options=options))
    pids = [name.partition("-")[2] for name in wait_for(tmp_path, "pid-*", 1)]
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    lane = {"measured": "thread"}.get(case, case)
    assert (process.returncode, out) == (0, f"True {lane} 9\n"), err
    assert time.monotonic() - began < 10
    wait_until_dead(pids)


def test_a_second_ctrl_c_raises_at_once(tmp_path: Path) -> None:
    body = STUBBORN.format(fn="work", options='lane="process", concurrency=2')
    process = start(tmp_path, body)
    pids = [name.partition("-")[2] for name in wait_for(tmp_path, "pid-*", 2)]
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    wait_until_dead(pids)


def test_processes_die_with_a_parent_that_is_killed_while_they_compute(tmp_path: Path) -> None:
    body = """
def work(n):
    Path(f"pid-{os.getpid()}").touch()
    return compute(60)
laneway.map(work, range(9), lane="process", concurrency=2)
"""
    process = start(tmp_path, body)
    pids = [name.partition("-")[2] for name in wait_for(tmp_path, "pid-*", 2)]
    process.kill()
    process.communicate()
    wait_until_dead(pids)


def test_what_an_item_starts_dies_with_its_process(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import subprocess
def work(n):
    child = subprocess.Popen(["sleep", "60"])
    Path(f"pid-{child.pid}").touch()
    child.wait()
result = laneway.map(work, [1], lane="process", timeout=0.5, errors="collect")
print(result.errors[0].exception.code)
""",
    )
    assert done.stdout == "LW3022\n"
    wait_until_dead([name.partition("-")[2] for name in wait_for(tmp_path, "pid-*", 1)])


class Handler(http.server.BaseHTTPRequestHandler):
    at_once = 0
    most = 0
    lock = threading.Lock()
    full = threading.Event()

    def do_GET(self) -> None:
        with Handler.lock:
            Handler.at_once += 1
            Handler.most = max(Handler.most, Handler.at_once)
            if Handler.at_once == 8:
                Handler.full.set()
        Handler.full.wait(10)
        with Handler.lock:
            Handler.at_once -= 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    @override
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


def test_http_calls_meet_at_the_server(port: int) -> None:
    def get(n: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        connection.request("GET", f"/{n}")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    result = laneway.map(get, range(24), concurrency=12, progress=False)
    assert result == [f"/{n}" for n in range(24)]
    assert result.lane == "thread"
    assert 8 <= Handler.most <= 13
