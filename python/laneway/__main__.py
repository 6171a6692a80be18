"""`python -m laneway` is the command `laneway`."""

from __future__ import annotations

import sys

from laneway import _bridge

if __name__ == "__main__":
    sys.exit(_bridge.main(["laneway", *sys.argv[1:]]))
