"""`scripts/tidy.py` is run on small projects that each have one problem."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
TIDY = REPOSITORY / "scripts" / "tidy.py"

REGISTRY = "crates/laneway-core/src/error/registry.rs"
REGISTRY_TEXT = 'registry! {\n    StoreFull = 1006, exit 3, retry, "free space";\n}\n'
ERROR_PAGE = (
    "# LW1006: the disk is full\n\n## What it means\n\n## Why it happens\n\n"
    "## How to fix it\n\n## Example\n"
)
README = "# Project\n\n[The disk is full](docs/errors/LW1006.md#how-to-fix-it)\n"
GOOD_PROJECT = {
    "README.md": README,
    "docs/errors/LW1006.md": ERROR_PAGE,
    REGISTRY: REGISTRY_TEXT,
    "scripts/start.py": "def start() -> None:\n    pass\n",
}

PROBLEMS = {
    "a long file": (
        {"crates/a/src/lib.rs": "// One more.\n" * 601},
        "crates/a/src/lib.rs:601: long-file: 601 lines",
    ),
    "a long function": (
        {"scripts/start.py": "\n\ndef start() -> None:\n" + "    pass\n" * 70},
        "scripts/start.py:3: long-function: `start` has 71 lines",
    ),
    "a long line": (
        {"scripts/start.py": f"ready = 1\nwords = {'x' * 93}\n"},
        "scripts/start.py:2: long-line: 101 characters",
    ),
    "unfinished work": (
        {"notes.md": "one\nFIXME two\n"},
        "notes.md:2: banned-word: `FIXME`",
    ),
    "unfinished code": (
        {"crates/a/src/lib.rs": "fn later() {\n    todo!()\n}\n"},
        "crates/a/src/lib.rs:2: banned-word: `todo!(`",
    ),
    "work without an issue": (
        {"crates/a/src/lib.rs": "// TODO(#12) is known.\n// TODO is not.\n"},
        "crates/a/src/lib.rs:2: banned-word: `TODO`",
    ),
    "the path of a machine": (
        {"Makefile": "run:\n\t/home/ada/bin/run\n"},
        "Makefile:2: banned-word: `/home/a`",
    ),
    "a junk drawer": (
        {"crates/a/src/utils.rs": "\n"},
        "crates/a/src/utils.rs:1: junk-drawer: `utils.rs`",
    ),
    "a store known to the suite": (
        {"crates/laneway-testkit/src/claim.rs": "// Holds.\n// SQLite orders by rowid.\n"},
        "crates/laneway-testkit/src/claim.rs:2: store-name: `SQLite`",
    ),
    "a big file": (
        {"bench/trace.bin": "\0" * 310_000},
        "bench/trace.bin:1: big-file: 302 KiB",
    ),
    "a code without a page": (
        {REGISTRY: REGISTRY_TEXT.replace("}", '    StoreGone = 1009, exit 3, once, "";\n}')},
        f"{REGISTRY}:3: error-page: LW1009 has no docs/errors/LW1009.md",
    ),
    "a page without a code": (
        {REGISTRY: REGISTRY_TEXT.replace("1006", "1009")},
        "docs/errors/LW1006.md:1: error-page: the registry has no code LW1006",
    ),
    "a page without advice": (
        {"docs/errors/LW1006.md": ERROR_PAGE.replace("## How to fix it\n", "")},
        "docs/errors/LW1006.md:1: error-page: no section `How to fix it`",
    ),
    "a link to nothing": (
        {"notes.md": "[gone](docs/gone.md)\n"},
        "notes.md:1: broken-link: `docs/gone.md` does not exist",
    ),
    "a link to no heading": (
        {"notes.md": "[gone](docs/errors/LW1006.md#cause)\n"},
        "notes.md:1: broken-link: `docs/errors/LW1006.md` has no heading for `#cause`",
    ),
    "a page that nothing links to": (
        {"docs/alone.md": "# Alone\n"},
        "docs/alone.md:1: orphan-document: no other page links to it",
    ),
    "two versions": (
        {"Cargo.toml": 'version = "0.2.0"\n', "pyproject.toml": 'version = "0.1.0"\n'},
        "pyproject.toml:1: different-versions: version 0.1.0, but Cargo.toml has 0.2.0",
    ),
}


def run_tidy(root: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    command = (sys.executable, str(TIDY), "--root", str(root))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_good_project_passes(tmp_path: Path) -> None:
    outcome = run_tidy(tmp_path, GOOD_PROJECT)
    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("", "", 0)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_finds(problem: str, tmp_path: Path) -> None:
    files, finding = PROBLEMS[problem]
    outcome = run_tidy(tmp_path, GOOD_PROJECT | files)
    assert outcome.returncode == 1, outcome.stderr
    assert any(line.startswith(finding) for line in outcome.stdout.splitlines()), outcome.stdout


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n[gone](gone.md)\n```\n",
        "Write `[gone](gone.md)` for a link.\n",
        "[elsewhere](https://example.org/gone.md)\n",
        "[here](#a-heading)\n\n# A heading\n",
    ],
)
def test_only_links_of_the_prose_that_stay_here_are_followed(text: str, tmp_path: Path) -> None:
    outcome = run_tidy(tmp_path, GOOD_PROJECT | {"notes.md": text})
    assert outcome.stdout == ""


def test_a_literal_text_may_be_longer_than_a_line(tmp_path: Path) -> None:
    line = f'const ADVICE: &str = "{"long " * 30}";\n'
    outcome = run_tidy(tmp_path, GOOD_PROJECT | {"crates/a/src/lib.rs": line})
    assert outcome.stdout == ""
