"""The environment in which `peers_side_by_side.py` runs Laneway and other queues.

It is one for all, so that each has the same interpreter, and not `.venv`: some of them need a newer
Python, and what they depend on is no concern of Laneway's tests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venvs" / "peers"
LOCK = ROOT / "requirements" / "peers.txt"
STAMP = FOLDER / ".laneway-setup"
PYTHONS = ("3.13", "3.12")
"""The newest first; 3.12 is the oldest that every queue of the lock supports."""


def python_program() -> str:
    """Finds a Python that is new enough, on PATH or under pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in PYTHONS:
        # A shim of pyenv is on PATH for versions, too, that are not chosen, and then fails.
        candidates = [shutil.which(f"python{version}")]
        candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
        for program in filter(None, candidates):
            said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
            if said.stdout.startswith(f"Python {version}."):
                return program
    raise SystemExit(f"the other queues need Python {' or '.join(PYTHONS)}, and none was found")


def laneway_wheel() -> Path:
    """Finds the wheel that `make build` left."""
    found = next((ROOT / "dist").glob("laneway-*.whl"), None)
    if found is None:
        raise SystemExit("there is no wheel in dist/: run `make build`")
    return found


def prepared() -> Path:
    """Makes the environment, or brings it up to date; gives its folder of programs."""
    wheel, programs = laneway_wheel(), FOLDER / "bin"
    digest = hashlib.sha256(LOCK.read_bytes() + wheel.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return programs
    print(f"installing {LOCK.relative_to(ROOT)} into {FOLDER.relative_to(ROOT)}", file=sys.stderr)
    if not (programs / "python").exists():
        subprocess.run([python_program(), "-m", "venv", str(FOLDER)], check=True)
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    pip.append("--disable-pip-version-check")
    subprocess.run([*pip, "--require-hashes", "--requirement", str(LOCK)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", "--force-reinstall", str(wheel)], check=True)
    STAMP.write_text(digest)
    return programs
