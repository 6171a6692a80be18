"""Find what no other linter sees: sizes, banned words, broken links, error codes without a page.

Each rule is a generator over the files of the project; `RULES` lists them all. A finding is printed
as `path:line: rule: message`, and the exit status is 1 when there is any.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 100
FILE_BYTES_MAX = 300 * 1024

CODE_SUFFIXES = {".rs", ".py", ".pyi", ".sh", ".sql"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".md", ".toml", ".in", ".yml", ".yaml", ".json", ".html", ".js"}

# These two have to spell what everybody else may not.
SPELLS_BANNED_WORDS = {"scripts/tidy.py", "python/tests/unit/tidy_finds_problems_test.py"}
BANNED_WORDS = {
    re.compile(r"\bFIXME\b"): "mend it before it is merged",
    re.compile(r"\bXXX\b"): "say what is wrong in a sentence",
    re.compile(r"\bTODO\b(?!\(#\d+\))"): "name its issue: `TODO(#12)`",
    re.compile(r"\b(?:todo|unimplemented|dbg)!\("): "finish the code",
    re.compile(r"(?<![\w.~$}>-])/(?:home|root|work|Users)/\w"): "a path of one machine",
}
JUNK_DRAWERS = {"common", "helpers", "manager", "misc", "mod", "types", "utils"}
# The conformance suite holds for every store, so it may not know the name of one.
STORE_NAME = re.compile(r"sqlite|redis|postgres", re.IGNORECASE)
STORE_NEUTRAL_FOLDER = "crates/laneway-testkit/src/"

REGISTRY = "crates/laneway-core/src/error/registry.rs"
REGISTRY_ENTRY = re.compile(r"^\s*\w+ = (\d{4}), exit ", re.MULTILINE)
ERROR_PAGES = "docs/errors/"
ERROR_PAGE_SECTIONS = ("What it means", "Why it happens", "How to fix it", "Example")

FENCE = re.compile(r"^ {0,3}(```|~~~)")
CODE_SPAN = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\s{0,3}\[[^\]]+\]:\s+(\S+)")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")


@dataclass(frozen=True, order=True)
class Finding:
    """Something to mend, and where."""

    path: str
    line: int
    rule: str
    message: str

    def text(self) -> str:
        """Spell it the way that editors can follow."""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Tree:
    """The files of the project: what git tracks or would track."""

    root: Path

    @cached_property
    def paths(self) -> list[str]:
        """Every file, relative to the root, with forward slashes."""
        command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        listing = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        if listing.returncode == 0:
            names = listing.stdout.decode().split("\0")
        else:
            names = list(self._walk())
        return sorted({name for name in names if name and (self.root / name).is_file()})

    def _walk(self) -> Iterator[str]:
        """List the files of an unpacked archive, where git cannot be asked."""
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = [
                name for name in subfolders if name not in {"target", "dist"} and name[0] != "."
            ]
            for name in names:
                yield Path(folder, name).relative_to(self.root).as_posix()

    @cached_property
    def texts(self) -> dict[str, str]:
        """The content of every source and document."""
        return {
            path: (self.root / path).read_text(encoding="utf-8")
            for path in self.paths
            if PurePosixPath(path).suffix in TEXT_SUFFIXES or PurePosixPath(path).name == "Makefile"
        }

    def code(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each source file with its lines."""
        for path, text in self.texts.items():
            if PurePosixPath(path).suffix in CODE_SUFFIXES:
                yield path, text.splitlines()

    def markdown(self) -> Iterator[tuple[str, str]]:
        """Yield each document with its text."""
        for path, text in self.texts.items():
            if path.endswith(".md"):
                yield path, text

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder of the project is at this place."""
        return path in self.paths or any(other.startswith(f"{path}/") for other in self.paths)


def long_files(tree: Tree) -> Iterator[Finding]:
    """A file has one subject."""
    for path, lines in tree.code():
        if len(lines) > FILE_LINES_MAX:
            message = f"{len(lines)} lines, at most {FILE_LINES_MAX}; split it by subject"
            yield Finding(path, len(lines), "long-file", message)


def long_functions(tree: Tree) -> Iterator[Finding]:
    """Clippy counts the lines of Rust functions; this counts those of Python."""
    for path, text in tree.texts.items():
        if not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text, path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES_MAX:
                message = f"`{node.name}` has {count} lines, at most {FUNCTION_LINES_MAX}"
                yield Finding(path, node.lineno, "long-function", message)


def long_lines(tree: Tree) -> Iterator[Finding]:
    """A line fits a screen, unless that would cut a literal text or an address in two."""
    for path, lines in tree.code():
        for number, line in enumerate(lines, 1):
            if len(line) <= LINE_CHARACTERS_MAX or "://" in line:
                continue
            # What may follow the text on its line is its end: a quote, a bracket, a semicolon.
            start = line[: LINE_CHARACTERS_MAX - 3]
            is_in_text = start.replace('\\"', "").count('"') % 2 == 1
            if not (path.endswith(".rs") and is_in_text):
                message = f"{len(line)} characters, at most {LINE_CHARACTERS_MAX}"
                yield Finding(path, number, "long-line", message)


def banned_words(tree: Tree) -> Iterator[Finding]:
    """Unfinished work and machine paths stay outside."""
    for path, text in tree.texts.items():
        if path in SPELLS_BANNED_WORDS:
            continue
        for pattern, advice in BANNED_WORDS.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(path, line, "banned-word", f"`{match.group()}`: {advice}")


def junk_drawers(tree: Tree) -> Iterator[Finding]:
    """A module is named after its subject; a drawer for anything collects everything."""
    for path, _ in tree.code():
        for part in PurePosixPath(path).parts:
            stem = part.split(".")[0].strip("_")
            if stem in JUNK_DRAWERS:
                yield Finding(path, 1, "junk-drawer", f"`{part}` does not say what it holds")


def store_names(tree: Tree) -> Iterator[Finding]:
    """The testkit must not know which store is under test."""
    for path, lines in tree.code():
        if not path.startswith(STORE_NEUTRAL_FOLDER):
            continue
        for number, line in enumerate(lines, 1):
            if match := STORE_NAME.search(line):
                message = f"`{match.group()}`: the suite holds for every store"
                yield Finding(path, number, "store-name", message)


def big_files(tree: Tree) -> Iterator[Finding]:
    """A repository keeps every version of a large file for ever."""
    for path in tree.paths:
        size = (tree.root / path).stat().st_size
        if size > FILE_BYTES_MAX:
            message = f"{size // 1024} KiB, at most {FILE_BYTES_MAX // 1024}"
            yield Finding(path, 1, "big-file", message)


def error_pages(tree: Tree) -> Iterator[Finding]:
    """Each error code has a page that explains it, and each page a code."""
    registry = tree.texts.get(REGISTRY, "")
    codes: dict[str, int] = {}
    for entry in REGISTRY_ENTRY.finditer(registry):
        codes[f"LW{entry[1]}"] = registry.count("\n", 0, entry.start(1)) + 1
    if registry and not codes:
        yield Finding(REGISTRY, 1, "error-page", "no code was recognised; adapt scripts/tidy.py")
    pages = {
        PurePosixPath(path).stem: path
        for path, _ in tree.markdown()
        if path.startswith(ERROR_PAGES) and PurePosixPath(path).name != "README.md"
    }
    for code in codes.keys() - pages.keys():
        yield Finding(REGISTRY, codes[code], "error-page", f"{code} has no {ERROR_PAGES}{code}.md")
    for code in pages.keys() - codes.keys():
        yield Finding(pages[code], 1, "error-page", f"the registry has no code {code}")
    for code, path in pages.items():
        headings = [text for _, _, text in headings_of(tree.texts[path])]
        if not headings or code not in headings[0]:
            yield Finding(path, 1, "error-page", f"its title does not name {code}")
        for section in ERROR_PAGE_SECTIONS:
            if not any(heading.startswith(section) for heading in headings[1:]):
                yield Finding(path, 1, "error-page", f"no section `{section}`")


def broken_links(tree: Tree) -> Iterator[Finding]:
    """A link inside the project leads to a file, and its anchor to a heading."""
    for path, text in tree.markdown():
        for number, target, anchor in links_of(path, text):
            if target == ".." or target.startswith("../"):
                yield Finding(path, number, "broken-link", f"`{target}` is outside the project")
            elif not tree.exists(target) and target != ".":
                yield Finding(path, number, "broken-link", f"`{target}` does not exist")
            elif anchor and target.endswith(".md") and anchor not in anchors_of(tree.texts[target]):
                message = f"`{target}` has no heading for `#{anchor}`"
                yield Finding(path, number, "broken-link", message)


def orphan_documents(tree: Tree) -> Iterator[Finding]:
    """What no page links to, nobody reads."""
    linked = {
        target
        for path, text in tree.markdown()
        for _, target, _ in links_of(path, text)
        if target != path
    }
    for path, _ in tree.markdown():
        is_index = path.endswith("/README.md") and path.removesuffix("/README.md") in linked
        if path.startswith("docs/") and path not in linked and not is_index:
            yield Finding(path, 1, "orphan-document", "no other page links to it")


def different_versions(tree: Tree) -> Iterator[Finding]:
    """The wheel and the crates are one release."""
    version = re.compile(r'^version = "([^"]+)"', re.MULTILINE)
    found = [version.search(tree.texts.get(path, "")) for path in ("Cargo.toml", "pyproject.toml")]
    crates, wheel = (match[1] if match else None for match in found)
    if crates and wheel and crates != wheel:
        message = f"version {wheel}, but Cargo.toml has {crates}"
        yield Finding("pyproject.toml", 1, "different-versions", message)


RULES: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    long_files,
    long_functions,
    long_lines,
    banned_words,
    junk_drawers,
    store_names,
    big_files,
    error_pages,
    broken_links,
    orphan_documents,
    different_versions,
)


def prose_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a document that are not in a code block."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if mark and fence in {None, mark[1]}:
            fence = None if fence else mark[1]
        elif fence is None:
            yield number, line


def headings_of(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield line, level and text of each heading."""
    for number, line in prose_of(text):
        if match := HEADING.match(line):
            yield number, len(match[1]), match[2]


def anchors_of(text: str) -> set[str]:
    """Name the headings as a link does: small letters, hyphens, a number from the second on."""
    anchors: set[str] = set()
    seen: Counter[str] = Counter()
    for _, _, heading in headings_of(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchors.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return anchors


def links_of(path: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, file and anchor of each link that stays inside the project."""
    for number, line in prose_of(text):
        for match in LINK.finditer(CODE_SPAN.sub("``", line)):
            link = unquote(match[1] or match[2])
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            file, _, anchor = link.partition("#")
            folder = os.path.dirname(path)  # noqa: PTH120 - a name, not a place on this disk
            target = os.path.normpath(os.path.join(folder, file)) if file else path  # noqa: PTH118
            yield number, PurePosixPath(target).as_posix(), anchor


def main() -> int:
    """Run every rule and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="rules:\n" + "\n".join(f"  {rule.__name__:<19} {rule.__doc__}" for rule in RULES),
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parent.parent,
        help="the project to look at (default: the one of this script)",
    )
    tree = Tree(parser.parse_args().root.resolve())
    findings = sorted({finding for rule in RULES for finding in rule(tree)})
    for finding in findings:
        print(finding.text())
    if findings:
        print(f"tidy: {len(findings)} findings in {len(tree.paths)} files", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
