"""How each checker is run over a folder, and what its codes mean in our rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

BLOCKING = frozenset({"LW101", "LW102", "LW103", "LW104", "LW105", "LW106", "LW107", "LW110"})


@dataclass(frozen=True)
class Claim:
    """What a checker says of a line: one or more of our rules, as far as its code tells."""

    path: Path
    line: int
    rules: frozenset[str]


@dataclass(frozen=True)
class Checker:
    """A program that reads code."""

    name: str
    command: Callable[[Path], list[str]]
    claims: Callable[[str, Path], Iterable[Claim]]
    rules: frozenset[str]
    """The rules that it has anything for; of the others it is not asked."""

    def run(self, root: Path) -> list[Claim]:
        """Give its claims on a folder."""
        command = self.command(root)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=root, timeout=600
        )
        if done.returncode not in {0, 1}:
            print(done.stderr[-2000:], file=sys.stderr)
            raise SystemExit(f"{command[0]} ended with {done.returncode}")
        return list(self.claims(done.stdout, root))


class NotInstalledError(Exception):
    """The program is not there; some of them need a newer Python than we do."""


def tool(name: str) -> str:
    """Find an installed program beside the interpreter, then on the path."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise NotInstalledError(name)
    return found


def _rules(code: str, meanings: dict[str, set[str]]) -> frozenset[str]:
    return frozenset(meanings.get(code, set()))


def laneway(binary: str) -> Checker:
    """Ours: every rule."""

    def claims(out: str, root: Path) -> Iterator[Claim]:
        for line in out.splitlines():
            finding: dict[str, Any] = json.loads(line)
            place = finding["location"]
            path = (root / place["path"]).resolve()
            yield Claim(path, place["line"], frozenset({finding["rule"]}))

    every = BLOCKING | {"LW201", "LW202", "LW501", "LW502", "LW503", "LW601"}
    every |= {"LW301", "LW302", "LW303", "LW304", "LW305", "LW401", "LW402", "LW403", "LW404"}
    arguments = ["check", "--json", "--tier", "hint", "--include-tests", "--no-cache", "."]
    return Checker("laneway", lambda _: [binary, *arguments], claims, every)


RUFF = {
    "ASYNC210": {"LW102"},
    "ASYNC212": {"LW102"},
    "ASYNC220": {"LW103"},
    "ASYNC221": {"LW103"},
    "ASYNC222": {"LW103"},
    "ASYNC230": {"LW104"},
    "ASYNC240": {"LW104"},
    "ASYNC250": {"LW106"},
    "ASYNC251": {"LW101"},
    "ASYNC110": {"LW404"},
    "RUF006": {"LW302"},
    "RUF029": {"LW501"},
    "E722": {"LW303"},
}


def ruff() -> Checker:
    """The rules ASYNC, with RUF006, RUF029 and E722."""

    def claims(out: str, _: Path) -> Iterator[Claim]:
        for finding in cast("list[dict[str, Any]]", json.loads(out)):
            rules = _rules(finding["code"], RUFF)
            if rules:
                yield Claim(Path(finding["filename"]), finding["location"]["row"], rules)

    select = ["--select", "ASYNC,RUF006,RUF029,E722", "--output-format", "json"]
    command = [tool("ruff"), "check", "--isolated", "--no-cache", "--preview", *select, "."]
    return Checker("ruff", lambda _: command, claims, frozenset[str]().union(*RUFF.values()))


FLAKE8_ASYNC = {
    "ASYNC210": {"LW102"},
    "ASYNC211": {"LW102"},
    "ASYNC212": {"LW102"},
    "ASYNC220": {"LW103"},
    "ASYNC221": {"LW103"},
    "ASYNC222": {"LW103"},
    "ASYNC230": {"LW104"},
    "ASYNC231": {"LW104"},
    "ASYNC232": {"LW104"},
    "ASYNC240": {"LW104"},
    "ASYNC250": {"LW106"},
    "ASYNC251": {"LW101"},
    "ASYNC103": {"LW303"},
    "ASYNC104": {"LW303"},
    "ASYNC105": {"LW301"},
    "ASYNC110": {"LW404"},
    "ASYNC124": {"LW501"},
    "ASYNC300": {"LW302"},
}


def flake8_async() -> Checker:
    """Every rule of it, told that the code is asyncio's."""

    def claims(out: str, root: Path) -> Iterator[Claim]:
        for path, line, code in re.findall(r"^(.+?):(\d+):\d+: (ASYNC\d+)", out, re.MULTILINE):
            rules = _rules(code, FLAKE8_ASYNC)
            if rules:
                yield Claim((root / path).resolve(), int(line), rules)

    program = tool("flake8-async")

    def command(root: Path) -> list[str]:
        files = sorted(str(path) for path in root.rglob("*.py"))
        return [program, "--asyncio", "--enable", "ASYNC", *files]

    return Checker("flake8-async", command, claims, frozenset[str]().union(*FLAKE8_ASYNC.values()))


def blockpath() -> Checker:
    """Blocking calls, through functions as well; the place is the last of its way."""

    def claims(out: str, root: Path) -> Iterator[Claim]:
        report: dict[str, Any] = json.loads(out)
        for finding in report["findings"]:
            place = finding["witness"][-1]
            yield Claim((root / place["path"]).resolve(), place["line"], BLOCKING | {"LW201"})

    tiers = ["--tier", "error", "--tier", "warning"]
    command = [tool("blockpath"), "check", "--json", "--no-config", *tiers, "."]
    return Checker("blockpath", lambda _: command, claims, BLOCKING | {"LW201"})


def bloky() -> Checker:
    """Calls by their names, in any function."""

    def claims(out: str, _: Path) -> Iterator[Claim]:
        for path, line in re.findall(r"^  \S+ (.+\.py):(\d+)$", out, re.MULTILINE):
            yield Claim(Path(path), int(line), BLOCKING)

    program = tool("bloky")
    return Checker("bloky", lambda root: [program, str(root)], claims, BLOCKING)


def pyright() -> Checker:
    """Coroutines that are never awaited."""

    def claims(out: str, _: Path) -> Iterator[Claim]:
        report: dict[str, Any] = json.loads(out)
        for finding in report["generalDiagnostics"]:
            if finding.get("rule") == "reportUnusedCoroutine":
                line = finding["range"]["start"]["line"] + 1
                yield Claim(Path(finding["file"]), line, frozenset({"LW301"}))

    command = [tool("pyright"), "--outputjson", "."]
    return Checker("pyright", lambda _: command, claims, frozenset({"LW301"}))
