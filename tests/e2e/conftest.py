"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stories import Story


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A store and an application in a folder of their own."""
    told = Story(tmp_path)
    try:
        yield told
    finally:
        told.end()


@pytest.fixture
def lab(tmp_path: Path, lab_source: str) -> Iterator[Story]:
    """A store, and the application `lab.py`, whose source the test's module gives."""
    app = tmp_path / "lab.py"
    app.write_text(lab_source)
    told = Story(tmp_path, app=app)
    try:
        yield told
    finally:
        told.end()
