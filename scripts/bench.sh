#!/usr/bin/env bash
# Runs every program of bench/, one after another: two at once would measure each other.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
  --require-hashes --requirement requirements/bench.txt

failed=()
for program in $(grep -l '^if __name__ == "__main__"' bench/*.py); do
  echo
  echo "bench: $program"
  .venv/bin/python "$program" || failed+=("$program")
done
if ((${#failed[@]})); then
  echo "bench: failed: ${failed[*]}" >&2
  exit 1
fi
