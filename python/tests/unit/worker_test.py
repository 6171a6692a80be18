"""`app.worker()` is a real worker as a child of the program."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from laneway import Laneway
from laneway._bridge import error_codes
from laneway.errors import AppError, SettingError, StoreError

PARTED = Laneway()
PRIVATE = Laneway("memory://")
PROGRAM = Path(__file__).with_name("worker_app.py")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "LANEWAY_STORE": f"sqlite:///{tmp_path}/jobs.db",
        "PYTHONUNBUFFERED": "1",
    }


def test_a_script_runs_its_own_jobs(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "[42, 8, 'tea', 'spoken in a process']\n" in result.stdout
    assert "spoken in a process\n" in result.stdout
    assert "LW3008 ('LW2010', 'LookupError', 'no such order')\n" in result.stdout


def test_an_application_is_found_from_any_folder(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A namespace package beside the script, as seen by the script and by nobody else."""
    package = tmp_path / "project" / "shop"
    package.mkdir(parents=True)
    (package / "tasks.py").write_text(
        "from laneway import Laneway\n"
        "app = Laneway()\n"
        "@app.task\n"
        "async def double(n: int) -> int:\n"
        "    return n * 2\n"
    )
    script = package.parent / "start.py"
    script.write_text(
        "import asyncio\n"
        "from shop.tasks import app, double\n"
        "async def main():\n"
        "    async with app.worker():\n"
        "        job = await double.enqueue(4)\n"
        "        print(double.name, await job.result(timeout=20))\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    for command, folder in (([str(script)], tmp_path), (["-m", "start"], package.parent)):
        result = subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout == "shop.tasks.double 8\n", result.stderr


def test_a_worker_ends_when_its_parent_dies(environment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, PROGRAM, "die"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert result.returncode == 9
    worker = int(result.stdout.splitlines()[-1])
    try:
        watch = os.pidfd_open(worker)
    except ProcessLookupError:
        return
    try:
        assert select.select([watch], [], [], 30)[0], "the worker goes on without its parent"
    finally:
        os.close(watch)


def test_a_script_without_a_guard_starts_no_worker_in_each_runner(
    environment: dict[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import asyncio\n"
        "from laneway import Laneway\n"
        "app = Laneway()\n"
        "async def main():\n"
        "    async with app.worker(): pass\n"
        "asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "LW1031" in result.stderr
    assert '__name__ == \\"__main__\\"' in result.stderr


async def test_a_worker_that_cannot_start_raises_its_own_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANEWAY_LEASE", "never")
    with pytest.raises(SettingError) as caught:
        async with PARTED.worker():
            pass
    assert caught.value.code == "LW1021"
    assert "LANEWAY_LEASE gives `never`" in caught.value.why
    assert "10s" in caught.value.fix or "duration" in caught.value.fix


async def test_a_store_that_cannot_be_opened_is_the_error_of_its_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    damaged = tmp_path / "jobs.db"
    damaged.write_bytes(b"no database " * 1_000)
    monkeypatch.setenv("LANEWAY_STORE", f"sqlite:///{damaged}")
    with pytest.raises(StoreError) as caught:
        async with PARTED.worker():
            pass
    assert caught.value.code == "LW1003"
    assert str(damaged) in caught.value.what
    assert caught.value.fix == error_codes["LW1003"][1]


def test_an_application_that_the_worker_cannot_import_is_the_error_of_its_worker(
    environment: dict[str, str], tmp_path: Path
) -> None:
    module = tmp_path / "shop.py"
    module.write_text("from laneway import Laneway\napp = Laneway()\n")
    script = tmp_path / "start.py"
    script.write_text(
        "import asyncio, shop\n"
        "from laneway import LanewayError\n"
        "async def main():\n"
        "    open(shop.__file__, 'w').write('import no_such_module')\n"
        "    try:\n"
        "        async with shop.app.worker(): pass\n"
        "    except LanewayError as error:\n"
        "        print(type(error).__name__, error.code, error.why)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.startswith("AppError LW1031 "), result.stderr
    assert "no_such_module" in result.stdout


async def test_a_worker_that_dies_without_a_word_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = tmp_path / "laneway"
    # What tasks print is no event, even if it looks like one.
    command.write_text('#!/bin/sh\necho \'{"event": "failed"}\'\nkill -9 $$\n')
    command.chmod(0o755)
    monkeypatch.setattr("laneway._worker._command", lambda: [str(command)])
    with pytest.raises(AppError) as caught:
        async with PARTED.worker():
            pass
    assert (caught.value.code, "-9" in caught.value.why) == ("LW1035", True)


IMITATIONS = [
    '{"schema": 1, "event": "failed"}',
    '{"schema": 1, "event": "failed", "at": "now", "error": "of my own"}',
    '{"schema": 1, "event": "failed", "at": "now", "error": {"code": "LW1031"}}',
    '{"schema": 1, "event": "failed", "at": "now",'
    ' "error": {"code": 5, "what": "", "why": "", "fix": ""}}',
    '{"schema": 1, "event": "failed", "at": "now",'
    f' "error": {{"code": "LW{"9" * 5_000}", "what": "", "why": "", "fix": ""}}}}',
    '{"schema": 1, "event": ["failed"], "at": "now"}',
    '{"event": "failed"}',
    '{"' + '":{"' * 100_000,
]
"""What tasks may print: objects that look like the worker's events, and are none."""


@pytest.mark.parametrize("line", IMITATIONS, ids=lambda line: line[:60])
def test_a_module_that_prints_what_looks_like_an_event_harms_nothing(
    environment: dict[str, str], tmp_path: Path, line: str
) -> None:
    script = tmp_path / "printing.py"
    script.write_text(
        "import asyncio\n"
        "from laneway import Laneway\n"
        "app = Laneway()\n"
        f"LINE = {line!r}\n"
        "@app.task\n"
        "async def say(n: int) -> int:\n"
        "    print(LINE, flush=True)\n"
        "    return n\n"
        "async def main():\n"
        "    async with app.worker():\n"
        "        job = await say.enqueue(3)\n"
        "        print('result', await job.result(timeout=20))\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
        "else:\n"
        "    print(LINE, flush=True)\n"
    )
    result = subprocess.run(
        [sys.executable, script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "result 3" in result.stdout.splitlines()
    assert result.stdout.splitlines().count(line) == 2


@pytest.mark.parametrize("broken", ["os.close(1)", "sys.stdout = None", "sys.stdout.close()"])
def test_a_program_that_cannot_print_still_has_its_worker(
    environment: dict[str, str], tmp_path: Path, broken: str
) -> None:
    """What tasks print is taken from the pipe, or they would wait for room in it."""
    script = tmp_path / "mute.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from laneway import Laneway\n"
        "app = Laneway()\n"
        "@app.task\n"
        "async def say(n: int) -> int:\n"
        "    print('x' * 1_000_000, flush=True)\n"
        "    return n\n"
        "async def main():\n"
        "    async with app.worker():\n"
        "        jobs = [await say.enqueue(n) for n in range(3)]\n"
        f"        {broken}\n"
        "        for job in jobs:\n"
        "            await job.result(timeout=20)\n"
        "    sys.stderr.write('all done')\n"
        "    sys.stderr.flush()\n"
        "    os._exit(0)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    result = subprocess.run(
        [sys.executable, script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (result.returncode, "all done" in result.stderr) == (0, True), result.stderr


def test_what_the_terminal_cannot_show_is_written_in_escapes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "ascii.py"
    script.write_text(
        "import asyncio, sys\n"
        "from laneway import Laneway\n"
        "app = Laneway()\n"
        "@app.task\n"
        "async def say() -> None:\n"
        "    sys.stdout.buffer.write('\u2615\\n'.encode())\n"
        "    sys.stdout.flush()\n"
        "async def main():\n"
        "    async with app.worker():\n"
        "        await (await say.enqueue()).result(timeout=20)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, script],
        env={**environment, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "\\u2615\n"), result.stderr


async def test_a_private_store_cannot_be_shared_with_a_worker() -> None:
    with pytest.raises(SettingError) as caught:
        async with PRIVATE.worker():
            pass
    assert caught.value.code == "LW1021"


async def test_an_application_needs_a_name_for_its_worker() -> None:
    with pytest.raises(AppError) as caught:
        async with Laneway().worker():
            pass
    assert caught.value.code == "LW1030"


def test_an_unknown_option_is_refused() -> None:
    worker: Any = PARTED.worker
    with pytest.raises(SettingError) as caught:
        worker(concurency_thread=3)
    assert caught.value.fix == "did you mean `concurrency_thread`?"
