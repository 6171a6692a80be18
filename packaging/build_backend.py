"""PEP 517 backend: one wheel with the extension module and the native `laneway` command.

Maturin builds one Rust target for a wheel, and Laneway needs two: `laneway._native`, which Python
imports, and the `laneway` command, which must start in milliseconds and therefore without an
interpreter. This backend builds the command first, puts it where maturin's `data` setting picks it
up as an installed script, and leaves everything else to maturin. So `pip install .`, `pip wheel`
and `make build` give the same wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import maturin  # pyright: ignore[reportMissingTypeStubs]

if TYPE_CHECKING:
    from collections.abc import Mapping

    Settings = Mapping[str, Any] | None

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "packaging" / "data" / "scripts"

# Maturin warns that pip will not use it when another backend stands before it, as this one does.
os.environ.setdefault("MATURIN_NO_MISSING_BUILD_BACKEND_WARNING", "1")

BUILD_COMMAND = (
    *("cargo", "build", "--release", "--locked"),
    *("--package", "laneway", "--bin", "laneway"),
    "--message-format=json-render-diagnostics",
)


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel that is installed."""
    _place_command()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel of `pip install --editable .`."""
    _place_command()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Pack the sources; whoever installs them builds the command."""
    _ensure_scripts_folder()
    return maturin.build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(
    metadata_directory: str,
    config_settings: Settings = None,
) -> str:
    """Answer questions about the package without compiling it."""
    _ensure_scripts_folder()
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Ask for nothing beyond `build-system.requires`: Rust must be there."""
    del config_settings
    _require_cargo()
    return []


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Ask for nothing beyond `build-system.requires`: Rust must be there."""
    return get_requires_for_build_wheel(config_settings)


get_requires_for_build_editable = get_requires_for_build_wheel


def _require_cargo() -> None:
    if shutil.which("cargo") is None:
        sys.exit(
            "error: building Laneway from source needs Rust, and `cargo` is not on PATH\n"
            "  why: the worker, the store and the `laneway` command are written in Rust\n"
            "  fix: install it from https://rustup.rs, or install a wheel that was built elsewhere"
        )


def _ensure_scripts_folder() -> None:
    # Maturin refuses a `data` folder that does not exist, also where nothing is taken from it.
    SCRIPTS.mkdir(parents=True, exist_ok=True)


def _place_command() -> None:
    _require_cargo()
    executable = _build_command()
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    _ensure_scripts_folder()
    shutil.copy2(executable, SCRIPTS / executable.name)


def _build_command() -> Path:
    """Build `laneway` and return where cargo put it."""
    # The path is read from cargo's messages because a configured target or target directory
    # moves it.
    build = subprocess.run(BUILD_COMMAND, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if build.returncode != 0:
        sys.exit("error: the native `laneway` command did not build; see cargo's output above")
    for line in build.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "laneway" and message.get("executable"):
            return Path(message["executable"])
    sys.exit("error: cargo built `laneway` without naming its executable")
