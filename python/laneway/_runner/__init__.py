"""The runner: the Python process of a worker that executes attempts.

`python -m laneway._runner --kind main|process --fd N --app REFERENCE` is started by the supervisor
and by nobody else. The supervisor decides everything (limits, timeouts, retries, what becomes of a
dead runner's jobs); a runner starts what it is told to start, and says how it ended.

Start reading at `start`; `main` runs the async lane with `threads`, `process` the process lane.
"""

from __future__ import annotations

kind: str | None = None
"""Which kind of runner this process is; `None` in every other process."""
