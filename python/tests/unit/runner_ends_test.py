"""How the end of an attempt is told."""

from __future__ import annotations

import pytest

from laneway import Retry
from laneway._runner.ends import raised


@pytest.mark.parametrize("after", [1e12, -1.0, "soon", float("nan")])
def test_a_wait_that_is_none_does_not_keep_the_end_from_being_told(
    after: float | str,
) -> None:
    wish = Retry("later", after="30s")
    assert raised(wish)[5] == 30.0
    vars(wish)["after"] = after
    assert raised(wish)[5] is None
