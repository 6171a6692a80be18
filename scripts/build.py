"""Build the release wheel and install it in the environment that runs this script.

Nothing is done when the sources are the ones of the installed wheel: their digest is kept beside
the environment. A digest and not the modification times, because switching branches touches files
that did not change.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
STAMP = Path(sys.prefix) / ".laneway-wheel"

SOURCE_FOLDERS = ("crates", "python/laneway")
SOURCE_FILES = (
    *("Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md"),
    *(".cargo/config.toml", "packaging/build_backend.py"),
)
SOURCE_SUFFIXES = (".rs", ".sql", ".toml", ".py", ".pyi", ".typed", ".md")
# Tests inside a crate do not reach the wheel.
SKIPPED_FOLDERS = {"__pycache__", "benches", "tests"}


def source_paths() -> list[Path]:
    """List the files that decide what the wheel contains, in a stable order."""
    paths = [ROOT / name for name in SOURCE_FILES]
    for top in SOURCE_FOLDERS:
        for folder, subfolders, names in os.walk(ROOT / top):
            subfolders[:] = sorted(set(subfolders) - SKIPPED_FOLDERS)
            paths += [Path(folder, name) for name in names if name.endswith(SOURCE_SUFFIXES)]
    return sorted(path for path in paths if path.is_file())


def source_digest() -> str:
    """Digest names and contents of the sources, and the Rust that compiles them."""
    digest = hashlib.sha256(subprocess.check_output(("rustc", "--version")))
    for path in source_paths():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build_wheel() -> Path:
    """Build the wheel into dist/, alone there, through the same backend that pip uses."""
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("laneway-*.whl"):
        old.unlink()
    backend = "import build_backend, sys; build_backend.build_wheel(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "packaging")}
    # Maturin is started by name, and a caller need not have activated the environment.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = (sys.executable, "-c", backend, str(DIST))
    build = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=False)
    if build.returncode != 0:
        sys.stdout.buffer.write(build.stdout)
        sys.exit("error: the wheel did not build; see the output above")
    return next(DIST.glob("laneway-*.whl"))


def install(wheel: Path) -> None:
    """Replace the installed laneway, and nothing else: its requirements come from the lock."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run((*pip, "--no-deps", "--no-index", "--force-reinstall", str(wheel)), check=True)


def is_installed(digest: str) -> bool:
    """Tell whether the installed wheel was built from these sources."""
    return (
        STAMP.exists()
        and STAMP.read_text() == digest
        and any(DIST.glob("laneway-*.whl"))
        and (Path(sys.executable).parent / "laneway").exists()
    )


def show(wheel: Path) -> None:
    """Print what the wheel holds."""
    print(f"{wheel.relative_to(ROOT)}  {wheel.stat().st_size / 1e6:.1f} MB")
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            print(f"  {entry.file_size:>9}  {entry.filename}")


def main() -> None:
    """Build and install when the sources changed."""
    parser = argparse.ArgumentParser(description="Build and install the release wheel.")
    parser.add_argument("--show", action="store_true", help="list the content of the wheel")
    options = parser.parse_args()
    digest = source_digest()
    if is_installed(digest):
        print("build: up to date")
    else:
        print("build: release wheel (the first build takes some minutes)", flush=True)
        started = time.monotonic()
        wheel = build_wheel()
        install(wheel)
        STAMP.write_text(digest)
        print(f"build: installed {wheel.name} in {time.monotonic() - started:.0f} s")
    if options.show:
        show(next(DIST.glob("laneway-*.whl")))


if __name__ == "__main__":
    main()
