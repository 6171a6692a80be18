"""Short forms of `every_call.py`: every so-manyth point of each round, on every store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit import MUST_BE_ZERO
from every_call import ROUNDS, Round, run
from stores import KINDS, own_store

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("round_", ROUNDS, ids=lambda round_: round_.name)
@pytest.mark.parametrize("kind", KINDS)
def test_a_process_may_be_struck_at_any_call(tmp_path: Path, kind: str, round_: Round) -> None:
    with own_store(kind, tmp_path) as store:
        verdict = run(tmp_path, store, replace(round_, stride=7, strikes=6))
    assert verdict["acknowledged"] > 0
    assert verdict["strikes"] > 0
    assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
