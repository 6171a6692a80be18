"""How good is `laneway check`? Precision and recall by rule over its corpus, beside other linters.

The corpus is `crates/laneway-check/corpus`: labelled snippets, as many of them innocent as guilty,
and small projects whose blocking calls are behind other functions. The checkers see the same files;
each is judged by the rules that it has anything for. A line's label may be a finding that nobody
can make by reading: the labels say what the code does.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from check_peers import checkers
from check_peers.labels import Score, judge, labels_of

CORPUS = Path(__file__).resolve().parent.parent / "crates" / "laneway-check" / "corpus"


def roots(corpus: Path) -> list[Path]:
    """Give the folders that are checked as one program each."""
    return [corpus / "snippets", *sorted(it for it in (corpus / "projects").iterdir())]


def installed(binary: str | None) -> Iterator[checkers.Checker]:
    """Give ours and those of the others that are here."""
    try:
        yield checkers.laneway(binary or checkers.tool("laneway"))
    except checkers.NotInstalledError:
        sys.exit("laneway is not installed: run `make build`, or name the command with --laneway")
    others = [checkers.ruff, checkers.flake8_async, checkers.blockpath, checkers.bloky]
    for checker in (*others, checkers.pyright):
        try:
            yield checker()
        except checkers.NotInstalledError as name:
            print(
                f"{name} is not installed: `.venv/bin/pip install -r requirements/bench.txt` does"
                " that where it runs on this Python",
                file=sys.stderr,
            )


def main() -> int:
    """Run every checker over the corpus and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="the folder of labelled code")
    parser.add_argument(
        "--laneway", type=Path, help="the `laneway` command to judge (default: the installed)"
    )
    parser.add_argument("--only", action="append", help="a checker by name; may be repeated")
    parser.add_argument("--wrong", action="store_true", help="list what each got wrong")
    options = parser.parse_args()
    chosen = [
        it
        for it in installed(options.laneway and str(options.laneway.resolve()))
        if not options.only or it.name in options.only
    ]
    folders = roots(options.corpus.resolve())
    labels = [labels_of(folder) for folder in folders]
    rules = sorted({label.rule for counter in labels for label in counter})
    scores: dict[str, Score] = {}
    for checker in chosen:
        started = time.perf_counter()
        score = scores[checker.name] = Score()
        for folder, expected in zip(folders, labels, strict=True):
            judge(expected, checker.run(folder), score)
        print(f"{checker.name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
    if options.wrong:
        for name, score in scores.items():
            print("\n".join(f"{name}: {line}" for line in sorted(score.wrong)))
    print_table(chosen, scores, rules, sum(sum(counter.values()) for counter in labels))
    return 0


def print_table(
    chosen: list[checkers.Checker], scores: dict[str, Score], rules: list[str], labels: int
) -> None:
    """Print a line for each rule: precision and recall of each checker."""
    width = min(shutil.get_terminal_size().columns, 100)
    print(f"{labels} labels; precision and recall of each checker".center(width).rstrip())
    print(f"{'rule':6}" + "".join(f"{it.name:>14}" for it in chosen))
    for rule in rules:
        cells = (
            scores[it.name].line([rule]) if rule in it.rules or it.name == "laneway" else ""
            for it in chosen
        )
        print(f"{rule:6}" + "".join(f"{cell:>14}" for cell in cells))
    own = (scores[it.name].line(it.rules) for it in chosen)
    print(f"{'own':6}" + "".join(f"{cell:>14}" for cell in own))
    everything = (scores[it.name].line(rules) for it in chosen)
    print(f"{'all':6}" + "".join(f"{cell:>14}" for cell in everything))


if __name__ == "__main__":
    sys.exit(main())
