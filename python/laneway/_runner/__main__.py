"""`python -m laneway._runner`; started by the supervisor."""

from __future__ import annotations

import sys

# A child of a task that `multiprocessing` spawns imports this file under another name.
if __name__ == "__main__":
    from laneway._runner.start import start

    sys.exit(start(sys.argv[1:]))
