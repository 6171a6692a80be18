#!/usr/bin/env bash
# Locks requirements/*.in for every supported Python. One lock holds for 3.10 to 3.13 because uv
# resolves for all of them at once; test.txt and bench.txt repeat the versions of dev.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/python -m pip install --quiet 'uv==0.13.*'

# A lock for another Python than this one needs no such Python.
export UV_PYTHON_DOWNLOADS=never

lock() {
  .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --custom-compile-command 'make lock' "$@"
}

echo "lock: requirements/dev.txt"
lock requirements/dev.in --python-version 3.10 --output-file requirements/dev.txt
echo "lock: requirements/test.txt"
lock requirements/test.in --python-version 3.10 --constraint requirements/dev.txt \
  --output-file requirements/test.txt
echo "lock: requirements/bench.txt"
lock requirements/bench.in --python-version 3.10 --constraint requirements/dev.txt \
  --output-file requirements/bench.txt
# The queues that Laneway is compared with have an environment of their own, and some of them need a
# newer Python.
echo "lock: requirements/peers.txt"
lock requirements/peers.in --python-version 3.12 --output-file requirements/peers.txt
