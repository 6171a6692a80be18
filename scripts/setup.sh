#!/usr/bin/env bash
# Creates .venv with the locked tools. The stamp holds the lock's checksum, so that a second run
# costs nothing and a changed lock is installed by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=.venv
readonly stamp=$venv/.laneway-setup
readonly oldest='3, 10'

is_usable() {
  "$1" -c "import ensurepip, sys, venv; sys.exit(sys.version_info < ($oldest))" \
    >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10 python; do
    if [[ -n $candidate ]] && is_usable "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  cat >&2 <<'MESSAGE'
error: no Python 3.10 or newer with `venv` and `pip` was found
  why: tried $PYTHON, python3, python3.13 … python3.10 and python
  fix: install one (Debian and Ubuntu: `apt install python3 python3-venv`, macOS: `brew install
       python`), or name it: `make setup PYTHON=/path/to/python3`
MESSAGE
  return 2
}

require() {
  if ! command -v "$1" >/dev/null; then
    printf 'error: `%s` is not on PATH\n  why: %s\n  fix: %s\n' "$1" "$2" "$3" >&2
    exit 2
  fi
}

require cargo 'the worker and the stores are written in Rust' \
  'install Rust from https://rustup.rs'
require cc 'SQLite is compiled from its C source' \
  'install a C compiler (Debian and Ubuntu: `apt install build-essential`)'

if [[ -e $venv ]] && ! is_usable "$venv/bin/python"; then
  echo "setup: .venv has no usable Python any more; creating it again"
  rm -rf "$venv"
fi
if [[ ! -e $venv ]]; then
  python=$(find_python)
  echo "setup: creating .venv with $("$python" --version)"
  "$python" -m venv "$venv"
fi

lock_sum=$(cksum <requirements/dev.txt)
if [[ ! -e $stamp || $(<"$stamp") != "$lock_sum" ]]; then
  echo "setup: installing the locked tools of requirements/dev.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --requirement requirements/dev.txt
  printf '%s\n' "$lock_sum" >"$stamp"
fi
