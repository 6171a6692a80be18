"""`laneway.map`: the script's rung of the ladder. No store, no worker, no lane if none is needed.

Where to start reading: `_api` is what is called, `_choose` finds the lane of a `def`, `_decision`
is the rule it follows, `_drive` feeds threads and processes, `_loop` is the async lane.
"""

from __future__ import annotations

from laneway._map._api import amap, map  # noqa: A004 - it is the builtin's twin
from laneway._map._result import ItemError, MapResult

__all__ = ["ItemError", "MapResult", "amap", "map"]
