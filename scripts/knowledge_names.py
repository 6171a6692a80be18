"""Ask real interpreters whether the names of the knowledge base exist.

Every name of `crates/laneway-check/knowledge/*.toml` is looked up by import in each interpreter
given with `--python`: give one for each supported version, and one whose environment has the
libraries installed. A name of the standard library must exist in all of them, or its entry says in
`versions` where it does; a name of an installed library must exist. Names of libraries that no
interpreter has are counted, not blamed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWLEDGE = Path("crates/laneway-check/knowledge")
GROUP = re.compile(r"\{([^{}]*)\}")

# What exists only once a program runs, so that no import can find it.
MADE_AT_RUN_TIME = {
    "boto3.resources.base.ServiceResource": "one class for each service, made from its model",
    "django.db.models.Model.objects": "the metaclass adds it to each subclass",
    "mongoengine.Document.objects": "the metaclass adds it to each subclass",
}

# Runs in the interpreter that is asked, which may be older than this script's: what it is given
# is a list of dotted names, what it answers is a table of name → [verdict, evidence].
LOOK_UP = r"""
import importlib, inspect, json, sys, warnings
warnings.simplefilter("ignore")
try:
    from importlib.metadata import packages_distributions, version
except ImportError:
    packages_distributions = None
modules, owners = {}, packages_distributions() if packages_distributions else {}


def module(name):
    if name not in modules:
        try:
            modules[name] = importlib.import_module(name)
        except BaseException as error:
            modules[name] = error
    return modules[name]


def member(holder, name):
    if hasattr(holder, name):
        return getattr(holder, name)
    for base in getattr(holder, "__mro__", ()):
        if name in getattr(base, "__annotations__", {}):
            return base
        try:
            if "self.%s = " % name in inspect.getsource(base):
                return base
        except (OSError, TypeError):
            pass
    # Some classes hide behind a function that makes their objects.
    if getattr(holder, "__module__", None) in {"threading", "_thread", "select"}:
        return getattr(holder(), name)
    raise AttributeError(name)


def look_up(name):
    parts = name.split(".")
    absent = None
    for size in range(len(parts), 0, -1):
        found = module(".".join(parts[:size]))
        if isinstance(found, BaseException):
            if size == 1 and absent is None:
                missing = isinstance(found, ModuleNotFoundError) and found.name == parts[0]
                return ["no library" if missing else "broken", repr(found)[:200]]
            continue
        try:
            for part in parts[size:]:
                if part == "*":
                    break
                found = member(found, part)
        except Exception as error:
            # Several libraries share the name of a folder, and this one is not among those here.
            if hasattr(found, "__path__") and getattr(found, "__file__", None) is None:
                return ["no library", "%s is not in %s" % (error, found.__name__)]
            # A class may have the name of the module that it is in.
            absent = absent or ["absent", "%s after %s" % (error, ".".join(parts[:size]))]
            continue
        for owner in owners.get(parts[0], ()):
            try:
                return ["found", "%s %s" % (owner, version(owner))]
            except Exception:
                pass
        return ["found", "Python"]
    return absent


names = json.load(sys.stdin)
answers = {}
for name in names:
    try:
        answers[name] = look_up(name)
    except BaseException as error:
        answers[name] = ["broken", repr(error)[:200]]
sys.__stdout__.write("\nANSWERS " + json.dumps(answers) + "\n")
"""


def expand(name: str) -> Iterator[str]:
    """Yield the names that a name with braces stands for."""
    group = GROUP.search(name)
    if group is None:
        yield name
        return
    for choice in group[1].split(","):
        yield from expand(f"{name[: group.start()]}{choice}{name[group.end() :]}")


def tables(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each file of the knowledge base with its content."""
    # The oldest supported Python has no reader of TOML; the one that runs this script must.
    tomllib = importlib.import_module("tomllib")
    for path in sorted(folder.glob("*.toml")):
        yield path.name, tomllib.loads(path.read_text(encoding="utf-8"))


def names_of_type(kind: dict[str, Any]) -> Iterator[str]:
    """Name what must exist for a type: what makes its objects, itself, and its members."""
    for maker in kind.get("made_by", ()):
        yield from expand(maker)
    if kind.get("when"):
        # What only some calls of a constructor give has no name of its own: what waits in the
        # usual objects and not in these must be there in the usual ones.
        yield from (
            f"{base}.{it}" for base in kind.get("bases", ()) for it in kind.get("quiet", ())
        )
        return
    yield kind["name"]
    members = [*kind.get("methods", {}), *kind.get("attributes", {})]
    yield from (f"{kind['name']}.{name}" for name in members if name != "__getattr__")


def names_of(folder: Path) -> dict[str, str]:
    """Name everything that the knowledge base says exists, with the versions it says so for."""
    names: dict[str, str] = {}
    for _, table in tables(folder):
        for entry in table.get("entry", ()):
            for name in entry["names"]:
                names.update((each, entry.get("versions", "")) for each in expand(name))
        for kind in table.get("type", ()):
            for name in names_of_type(kind):
                names.setdefault(name, "")
    return names


def ask(python: str, names: list[str]) -> dict[str, tuple[str, str]]:
    """Look the names up in an interpreter."""
    answer = subprocess.run(
        [python, "-c", LOOK_UP],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "", "PYTHONWARNINGS": "ignore"},
    )
    for line in answer.stdout.splitlines():
        if line.startswith("ANSWERS "):
            found: dict[str, list[str]] = json.loads(line.removeprefix("ANSWERS "))
            return {name: (verdict, evidence) for name, (verdict, evidence) in found.items()}
    print(answer.stderr[-2000:], file=sys.stderr)
    raise SystemExit(f"{python} gave no answer (exit status {answer.returncode})")


def stdlib_roots() -> set[str]:
    """Name the modules of the standard library, with those that a supported version still has."""
    return set(sys.stdlib_module_names) | {"telnetlib", "nntplib", "asyncore", "asynchat", "smtpd"}


def judge(names: dict[str, str], answers: list[dict[str, tuple[str, str]]]) -> Iterator[str]:
    """Yield what is wrong with the names, by what the interpreters answered."""
    stdlib = stdlib_roots()
    for name, versions in sorted(names.items()):
        if name in MADE_AT_RUN_TIME or name.rpartition(".")[0] in MADE_AT_RUN_TIME:
            continue
        verdicts = {answer[name][0] for answer in answers}
        if name.split(".", 1)[0] in stdlib:
            if "found" not in verdicts and (len(answers) > 1 or not versions):
                yield f"{name}: no interpreter has it"
            elif verdicts != {"found"} and not versions:
                yield f"{name}: not every version has it, and its entry has no `versions`"
        elif "found" not in verdicts and "absent" in verdicts:
            why = next(answer[name][1] for answer in answers if answer[name][0] == "absent")
            yield f"{name}: the library is installed and has no such name ({why})"


def main() -> int:
    """Look every name up and print what does not exist."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", required=True, help="an interpreter to ask")
    parser.add_argument("--knowledge", type=Path, default=KNOWLEDGE, help="the folder of tables")
    parser.add_argument("--evidence", type=Path, help="write each name's verdicts to this file")
    options = parser.parse_args()
    names = names_of(options.knowledge)
    answers = [ask(python, list(names)) for python in options.python]
    problems = list(judge(names, answers))
    for problem in problems:
        print(problem)
    if options.evidence:
        evidence = {name: [answer[name] for answer in answers] for name in names}
        options.evidence.write_text(json.dumps(evidence, indent=1), encoding="utf-8")
    verified = sum(any(answer[name][0] == "found" for answer in answers) for name in names)
    print(f"{verified} of {len(names)} names exist; {len(problems)} problems", file=sys.stderr)
    unseen = sorted(
        {
            name.split(".", 1)[0]
            for name in names
            if all(answer[name][0] in {"no library", "broken"} for answer in answers)
        }
    )
    print(f"not looked up, for no interpreter has them: {', '.join(unseen)}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
