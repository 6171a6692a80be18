#!/usr/bin/env bash
# Every test, in two runs: Rust, then Python with real processes (unit, end to end, faults,
# examples). Not side by side: the second run measures time on the same processors.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "test: Rust"
cargo test --workspace --locked --quiet

echo "test: Python"
.venv/bin/python -m pytest --quiet
