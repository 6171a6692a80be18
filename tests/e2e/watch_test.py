"""`laneway check --watch`: the report again when a file has changed, by real files and signals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stories import laneway_command, wait_until

DB = "import time\n\n\ndef get():\n    time.sleep(1)\n"
MAIN = "from app.db import get\n\n\nasync def handler():\n    get()\n"
SLEEP = "import time\n\n\nasync def f():\n    time.sleep(1)\n"


class Watch:
    """A folder with a small project, and who watches it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = folder.parent / "written"
        self.process: subprocess.Popen[bytes] | None = None
        self.seen = 0
        self.write("pyproject.toml", "[project]\nname = 'app'\n")
        self.write("app/__init__.py", "")
        self.write("app/db.py", DB)
        self.write("app/main.py", MAIN)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *arguments: str) -> None:
        """Starts the watch, and waits for its first report."""
        command = [*laneway_command(), "check", "--watch", *arguments]
        with self.written.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        self.until("watching; Ctrl-C ends it")

    def new(self) -> str:
        """What was written since it was asked last."""
        return self.written.read_text()[self.seen :]

    def until(self, text: str) -> str:
        """Waits for a text; gives all that was written up to its line."""

        def is_there() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.new()
            return text in self.new()

        try:
            wait_until(is_there, 15, text)
        except TimeoutError:
            raise AssertionError(f"no {text!r} in {self.new()!r}") from None
        new = self.new()
        end = new.index("\n", new.index(text)) + 1 if "\n" in new[new.index(text) :] else len(new)
        self.seen += end
        return new[:end]

    def reports(self) -> int:
        """How many reports were written so far."""
        return self.written.read_text().count(" lines)")

    def interrupt(self) -> int:
        """Ends it as Ctrl-C does; gives the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """A folder with a project; whoever watches it is gone after the test."""
    watch = Watch(tmp_path / "project")
    yield watch
    watch.end()


def test_a_change_is_named_and_the_report_written_anew(watch: Watch) -> None:
    watch.start()
    assert "error[LW110]" in watch.written.read_text()
    watch.write("app/main.py", "async def handler():\n    pass\n")
    told = watch.until(" lines)")
    assert "changed: app/main.py: 0 new, 1 gone" in told
    assert "0 errors and 0 warnings" in told
    watch.write("app/main.py", MAIN)
    told = watch.until(" lines)")
    assert "changed: app/main.py: 1 new, 0 gone" in told
    assert "error[LW110]" in told
    assert watch.interrupt() == 1


def test_the_exit_status_is_that_of_the_last_run(watch: Watch) -> None:
    watch.start("--format", "concise")
    watch.write("app/db.py", "def get():\n    pass\n")
    watch.until("0 errors")
    assert watch.interrupt() == 0


def test_files_and_folders_that_come_and_go_are_seen(watch: Watch) -> None:
    watch.start("--format", "concise")
    watch.write("app/deep/er/one.py", SLEEP)
    assert "changed: app/deep/er/one.py: 1 new" in watch.until(" lines)")
    watch.write("app/deep/er/two.py", SLEEP)
    assert "changed: app/deep/er/two.py: 1 new" in watch.until(" lines)")
    (watch.folder / "app/deep").rename(watch.folder / "moved")
    told = watch.until(" lines)")
    assert "moved/er/one.py" in told
    assert "app/deep/er" not in told.partition("gone")[2]
    watch.write("moved/er/one.py", "x = 1\n")
    assert "changed: moved/er/one.py: 0 new, 1 gone" in watch.until(" lines)")
    (watch.folder / "moved/er/two.py").unlink()
    assert "0 new, 1 gone" in watch.until(" lines)")


def test_a_broken_file_and_broken_settings_end_nothing(watch: Watch) -> None:
    watch.start("--format", "concise")
    watch.write("app/main.py", "async def handler(:\n")
    assert "app/main.py:1: not all of it is Python 3" in watch.until(" lines)")
    watch.write("pyproject.toml", "[tool.laneway.check]\nselct = []\n")
    assert "error[LW1022]" in watch.until("selct")
    assert watch.process is not None
    assert watch.process.poll() is None
    watch.write("pyproject.toml", "[tool.laneway.check]\nignore = ['LW110']\n")
    assert "changed: the settings" in watch.until(" lines)")
    watch.write("app/main.py", MAIN)
    assert "0 errors" in watch.until(" lines)")
    assert watch.interrupt() == 0


def test_broken_settings_are_the_last_word_if_they_stay(watch: Watch) -> None:
    watch.start("--format", "concise")
    watch.write("pyproject.toml", "[tool.laneway.check\n")
    watch.until("error[LW1022]")
    assert watch.interrupt() == 2


def test_a_burst_of_changes_is_one_report_or_two(watch: Watch) -> None:
    watch.start("--format", "concise")
    before = watch.reports()
    assert watch.process is not None
    # However slowly they are written, it is told of all of them in one go.
    watch.process.send_signal(signal.SIGSTOP)
    for number in range(200):
        watch.write(f"app/many_{number:03}.py", SLEEP)
    watch.write("app/last.py", SLEEP)
    watch.process.send_signal(signal.SIGCONT)
    watch.until("app/last.py:5:5")
    wait_until(lambda: "app/many_199.py:5:5" in watch.written.read_text(), 15, "the last file")
    assert watch.reports() - before <= 2


def test_what_is_left_out_and_what_says_the_same_wakes_nobody(watch: Watch) -> None:
    watch.write(".gitignore", "build/\n")
    watch.write("build/gen.py", SLEEP)
    watch.start("--format", "concise")
    before = watch.reports()
    watch.write("build/gen.py", "x = 1\n")
    watch.write("app/db.py", DB)
    (watch.folder / "app/notes.txt").write_text("hello\n")
    watch.write("app/main.py", f"{MAIN}\n")
    assert "changed: app/main.py: 0 new, 0 gone" in watch.until(" lines)")
    assert watch.reports() == before + 1


def test_nothing_happens_while_nothing_changes(watch: Watch) -> None:
    watch.start("--format", "concise")
    assert watch.process is not None
    stat = Path(f"/proc/{watch.process.pid}/stat")
    if not stat.exists():
        pytest.skip("the time that another process has used is read from /proc")

    def ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    watch.write("app/main.py", f"{MAIN}\n")
    watch.until(" lines)")
    before = ticks()
    with pytest.raises(subprocess.TimeoutExpired):
        watch.process.wait(timeout=1.5)
    assert ticks() - before <= 1


def test_the_screen_of_a_terminal_is_emptied_before_each_report(watch: Watch) -> None:
    ours, theirs = pty.openpty()
    command = [*laneway_command(), "check", "--watch", "--format", "concise", "--color", "never"]
    watch.process = subprocess.Popen(
        command, cwd=watch.folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while b"Ctrl-C ends it" not in shown:
        shown += os.read(ours, 4096)
    assert shown.startswith(b"\x1b[H\x1b[2J\x1b[3J")
    assert shown.count(b"\x1b") == 3
    assert watch.interrupt() == 1
    os.close(ours)


def test_formats_for_programs_and_edits_are_refused(watch: Watch) -> None:
    for words in (["--json"], ["--format", "sarif"], ["--fix"], ["--lsp"]):
        done = subprocess.run(
            [*laneway_command(), "check", "--watch", *words],
            cwd=watch.folder,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 2, words
        assert done.stdout == b""
