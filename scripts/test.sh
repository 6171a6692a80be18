#!/usr/bin/env bash
# Every test, in two runs: Rust, then Python with real processes (unit, end to end, faults,
# examples). Not side by side: the second run measures time on the same processors. Both have a
# Redis and a PostgreSQL beside them.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z ${LANEWAY_TEST_REDIS_URL:-} || -z ${LANEWAY_TEST_POSTGRES_URL:-} ]]; then
  exec .venv/bin/python scripts/services.py run redis postgres -- scripts/test.sh
fi

echo "test: Rust"
cargo test --workspace --locked --quiet

echo "test: Python"
.venv/bin/python -m pytest --quiet
