"""`laneway check --lsp`: findings in an editor, by a real client of the protocol."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from editor import Editor, applied, span
from lsprotocol import types
from stories import laneway_command

DB = """import time


class Pool:
    def get(self):
        time.sleep(1)
"""
MAIN = """from app.db import Pool

pool = Pool()


async def handler():
    pool.get()
"""
SLEEP = "import time\n\n\nasync def f():\n    time.sleep(1)\n"


@pytest_asyncio.fixture
async def editor(tmp_path: Path) -> AsyncIterator[Editor]:
    """An editor in a folder with a small project."""
    editor = Editor(tmp_path)
    editor.write("pyproject.toml", "[project]\nname = 'app'\n")
    editor.write("app/__init__.py", "")
    editor.write("app/db.py", DB)
    editor.write("app/main.py", MAIN)
    yield editor
    await editor.end()


async def test_a_finding_stands_at_the_call_with_the_way_to_it(editor: Editor) -> None:
    result = await editor.start()
    assert result.server_info is not None
    assert result.server_info.name == "laneway check"
    assert result.capabilities.position_encoding == "utf-16"
    await editor.until(lambda: editor.shown("app/db.py"))
    [finding] = editor.shown("app/db.py")
    assert finding.range == span(DB, "time.sleep(1)")
    assert finding.severity == types.DiagnosticSeverity.Error
    assert (finding.source, finding.code) == ("laneway", "LW110")
    assert isinstance(finding.message, str)
    assert "`time.sleep`" in finding.message
    assert "asyncio.sleep" in finding.message
    assert finding.code_description is not None
    assert finding.code_description.href.endswith("/docs/check/LW110.md")
    way = finding.related_information or []
    assert [it.location.uri for it in way] == [editor.uri("app/main.py")] * 2
    assert [it.location.range for it in way] == [span(MAIN, "handler"), span(MAIN, "pool.get()")]
    assert way[1].message == "`app.main.handler` calls `app.db.Pool.get`"
    assert await editor.quit() == 0


async def test_tiers_are_severities_and_flags_of_the_command_hold(editor: Editor) -> None:
    editor.write("dropped.py", "import asyncio\nasync def f():\n    asyncio.create_task(f())\n")
    editor.write("plain.py", "async def f():\n    return 1\n")
    await editor.start("--tier", "hint")
    await editor.until(lambda: editor.shown("plain.py"))
    [hint] = editor.shown("plain.py")
    assert hint.severity == types.DiagnosticSeverity.Hint
    [warning] = [it for it in editor.shown("dropped.py") if it.code == "LW302"]
    assert warning.severity == types.DiagnosticSeverity.Warning


async def test_an_edit_moves_findings_of_other_files(editor: Editor) -> None:
    await editor.start()
    await editor.until(lambda: editor.shown("app/db.py"))
    editor.open("app/main.py", MAIN)
    await editor.settled("app/main.py")
    editor.edit("app/main.py", "    pool.get()", "    pass")
    await editor.until(lambda: not editor.shown("app/db.py"), "the finding to go")
    editor.edit("app/main.py", "async def handler", "\n\n# é😀\nasync def handler")
    editor.edit("app/main.py", "    pass", "    pool.get()")
    await editor.until(lambda: editor.shown("app/db.py"), "the finding to come back")
    way = editor.shown("app/db.py")[0].related_information or []
    assert way[1].location.range == span(editor.texts["app/main.py"][1], "pool.get()")


async def test_places_count_units_of_utf_16(editor: Editor) -> None:
    await editor.start()
    text = "import time\n\n\nasync def f():\n    x = 'é€😀'; time.sleep(1); y = '😀'\n"
    editor.open("app/new.py", text)
    [finding] = await editor.settled("app/new.py")
    assert finding.range == span(text, "time.sleep(1)")
    assert finding.range.start.character == 4 + len("x = '") + 4 + len("'; ")
    # An edit behind characters of two units, by its place alone.
    editor.edit("app/new.py", "'😀'", "'ok'; time.sleep(2)")
    second = await editor.settled("app/new.py")
    assert second[1].range == span(editor.texts["app/new.py"][1], "time.sleep(2)")
    editor.edit("app/new.py", "time.sleep(1); ", "")
    [finding] = await editor.settled("app/new.py")
    assert finding.range == span(editor.texts["app/new.py"][1], "time.sleep(2)")
    titles = await editor.actions("app/new.py", finding.range)
    [mend] = [edits for title, edits in titles.items() if title.startswith("Await")]
    mended = applied(editor.texts["app/new.py"][1], mend)
    assert "y = 'ok'; await asyncio.sleep(2)\n" in mended


async def test_lines_that_end_like_those_of_windows_keep_their_places(editor: Editor) -> None:
    text = SLEEP.replace("\n", "\r\n")
    editor.write("app/dos.py", text)
    await editor.start()
    await editor.until(lambda: editor.shown("app/dos.py"))
    [finding] = editor.shown("app/dos.py")
    assert (finding.range.start.line, finding.range.start.character) == (4, 4)
    editor.open("app/dos.py", text)
    titles = await editor.actions("app/dos.py", finding.range)
    [answer] = [edits for title, edits in titles.items() if title.startswith("Answer")]
    assert applied(text, answer).endswith("time.sleep(1)  # laneway: ok[LW101](reason)\r\n")


async def test_a_closed_text_counts_no_more(editor: Editor) -> None:
    await editor.start()
    editor.open("app/new.py", SLEEP)
    assert len(await editor.settled("app/new.py")) == 1
    editor.open("app/db.py", "class Pool:\n    def get(self):\n        pass\n")
    await editor.until(lambda: editor.told[editor.uri("app/db.py")].version == 1)
    assert not editor.shown("app/db.py")
    editor.close("app/new.py")
    editor.close("app/db.py")
    await editor.until(lambda: not editor.shown("app/new.py"))
    await editor.until(lambda: editor.shown("app/db.py"))


async def test_actions_mend_and_answer(editor: Editor) -> None:
    await editor.start()
    editor.open("app/new.py", SLEEP)
    [finding] = await editor.settled("app/new.py")
    actions = await editor.actions("app/new.py", finding.range)
    assert list(actions) == [
        "Await `asyncio.sleep` instead",
        "Answer LW101 with a comment: `laneway: ok[LW101](reason)`",
    ]
    mend, answer = actions.values()
    mended = "import time\nimport asyncio\n\n\nasync def f():\n    await asyncio.sleep(1)\n"
    assert applied(SLEEP, mend) == mended
    for edits in (mend, answer):
        editor.put("app/new.py", applied(SLEEP, edits))
        assert await editor.settled("app/new.py") == []
    # Asked for at once after an edit, actions are for the new text.
    editor.put("app/new.py", f"# moved\n{SLEEP}")
    moved = await editor.actions("app/new.py", span(f"# moved\n{SLEEP}", "time.sleep(1)"))
    assert applied(f"# moved\n{SLEEP}", moved["Await `asyncio.sleep` instead"]) == (
        f"# moved\n{mended}"
    )
    start = span(SLEEP, "import")
    assert await editor.actions("app/new.py", start) == {}


async def test_all_edits_are_one_action_for_saving(editor: Editor) -> None:
    await editor.start(versions=False)
    text = f"{SLEEP}    time.sleep(2)\n"
    editor.open("app/new.py", text)
    findings = await editor.settled("app/new.py")
    assert len(findings) == 2
    actions = await editor.actions("app/new.py", findings[0].range, "source.fixAll")
    [edits] = actions.values()
    mended = applied(text, edits)
    assert mended.count("import asyncio\n") == 1
    assert mended.count("await asyncio.sleep(") == 2
    assert await editor.actions("app/new.py", findings[0].range, "refactor") == {}


async def test_settings_of_the_project_hold_and_may_change(editor: Editor) -> None:
    editor.write("pyproject.toml", "[tool.laneway.check]\nignore = ['LW110']\n")
    await editor.start()
    editor.open("app/new.py", SLEEP)
    await editor.settled("app/new.py")
    assert not editor.shown("app/db.py")
    [watching] = editor.registered
    assert watching.method == "workspace/didChangeWatchedFiles"
    editor.write("pyproject.toml", "[tool.laneway.check]\nexclude = ['new.py']\n")
    editor.tell_of("pyproject.toml")
    await editor.until(lambda: editor.shown("app/db.py"), "the finding that was ignored")
    editor.write("pyproject.toml", "[tool.laneway.check]\nselct = ['LW1']\n")
    editor.tell_of("pyproject.toml")
    await editor.until(lambda: editor.messages, "a word on the settings")
    assert "selct" in editor.messages[0]
    assert editor.shown("app/db.py")
    assert await editor.quit() == 0


async def test_a_baseline_is_obeyed(editor: Editor) -> None:
    command = [*laneway_command(), "check", "--write-baseline", "known.json"]
    done = await asyncio.create_subprocess_exec(*command, cwd=editor.folder)
    assert await asyncio.wait_for(done.wait(), 30) == 0
    editor.write("pyproject.toml", "[tool.laneway.check]\nbaseline = 'known.json'\n")
    await editor.start()
    editor.open("app/new.py", SLEEP)
    assert len(await editor.settled("app/new.py")) == 1
    assert not editor.shown("app/db.py")


@pytest.mark.parametrize("watches", [True, False])
async def test_changes_on_the_disk_are_seen(editor: Editor, *, watches: bool) -> None:
    await editor.start(watches=watches)
    await editor.until(lambda: editor.shown("app/db.py"))
    assert bool(editor.registered) == watches
    editor.write("app/other.py", SLEEP)
    editor.write("app/db.py", DB.replace("time.sleep(1)", "pass"))
    if watches:
        editor.tell_of("app/other.py", "app/db.py")
    else:
        # An editor that does not watch says at least when it saves.
        editor.open("app/main.py", MAIN)
        editor.save("app/main.py")
    await editor.until(lambda: editor.shown("app/other.py"))
    await editor.until(lambda: not editor.shown("app/db.py"))
    (editor.folder / "app/other.py").unlink()
    if watches:
        editor.tell_of("app/other.py")
    else:
        editor.save("app/main.py")
    await editor.until(lambda: not editor.shown("app/other.py"))


async def test_a_broken_text_is_said_to_be_one_and_breaks_nothing(editor: Editor) -> None:
    await editor.start()
    editor.open("app/new.py", f"{SLEEP}\n\nasync def g(:\n")
    found = await editor.settled("app/new.py")
    assert [it.code for it in found] == ["LW101", None]
    assert found[1].severity == types.DiagnosticSeverity.Information
    assert found[1].range.start.line == 7
    for text in ("(" * 10_000, "\x00", "\ufeffimport time\n", "'''", ""):
        editor.put("app/new.py", text)
        await editor.settled("app/new.py")
    editor.put("app/new.py", SLEEP)
    assert len(await editor.settled("app/new.py")) == 1
    assert await editor.quit() == 0


async def test_a_burst_of_edits_is_answered_once_or_twice(editor: Editor) -> None:
    await editor.start()
    editor.open("app/new.py", SLEEP)
    await editor.settled("app/new.py")
    before = editor.times_told[editor.uri("app/new.py")]
    for number in range(200):
        editor.put("app/new.py", f"{SLEEP}# {number}\n")
    await editor.settled("app/new.py")
    assert editor.times_told[editor.uri("app/new.py")] - before < 20


async def test_a_file_without_a_folder_is_checked(editor: Editor) -> None:
    editor.write("alone/one.py", SLEEP)
    await editor.start(has_folder=False)
    editor.open("app/main.py", MAIN)
    await editor.until(lambda: editor.shown("app/db.py"), "the project of the file")
    assert await editor.quit() == 0


async def test_a_server_that_is_told_to_end_without_warning_says_so(editor: Editor) -> None:
    await editor.start()
    editor.client.exit(None)
    assert await asyncio.wait_for(editor.process.wait(), 10) == 1


async def test_after_shutdown_nothing_is_answered(editor: Editor) -> None:
    await editor.start()
    await editor.client.shutdown_async(None)
    with pytest.raises(Exception, match="shut down"):
        await editor.actions("app/db.py", span(DB, "time"))
    editor.client.exit(None)
    assert await asyncio.wait_for(editor.process.wait(), 10) == 0


async def test_an_editor_that_closes_its_end_ends_the_server(editor: Editor) -> None:
    await editor.start()
    await editor.until(lambda: editor.shown("app/db.py"))
    stdin = editor.process.stdin
    assert stdin is not None
    stdin.close()
    assert await asyncio.wait_for(editor.process.wait(), 10) == 1


async def test_an_editor_that_dies_ends_a_server_whose_input_stays_open(editor: Editor) -> None:
    # The editor is a process of its own here; our end of the pipe stays open when it dies.
    program = [sys.executable, "-c", "input()"]
    owner = await asyncio.create_subprocess_exec(*program, stdin=asyncio.subprocess.PIPE)
    try:
        await editor.start(process_id=owner.pid)
        await editor.until(lambda: editor.shown("app/db.py"))
        assert editor.process.returncode is None
    finally:
        owner.kill()
        await owner.wait()
    assert await asyncio.wait_for(editor.process.wait(), 10) == 1


@pytest.mark.parametrize("hello", [b"", b"nonsense\r\n\r\n", b"Content-Length: 7\r\n\r\n{]"])
def test_who_is_no_client_is_refused(tmp_path: Path, hello: bytes) -> None:
    done = subprocess.run(
        [*laneway_command(), "check", "--lsp", "--stdio"],
        cwd=tmp_path,
        input=hello,
        capture_output=True,
        timeout=20,
        check=False,
        env={**os.environ, "RUST_BACKTRACE": "0"},
    )
    assert done.returncode == 1
    assert b"panicked" not in done.stderr
    assert done.stdout == b""
