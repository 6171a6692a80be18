#!/usr/bin/env bash
# Runs the Python tests on every supported Python that is found, on PATH or under pyenv, with the
# one wheel in dist/: it is abi3, so what was built once must work on all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" \
      >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

install_into() {
  local venv=$1 lock_sum
  lock_sum=$(cksum <requirements/test.txt)
  if [[ ! -e $venv/.laneway-setup || $(<"$venv/.laneway-setup") != "$lock_sum" ]]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
      --require-hashes --requirement requirements/test.txt
    printf '%s\n' "$lock_sum" >"$venv/.laneway-setup"
  fi
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index \
    --force-reinstall dist/laneway-*.whl
}

suites=(python/tests)
# The worker's own paths differ between Pythons, too: an eager task exists from 3.12 on.
[[ ! -d tests/e2e ]] || suites+=(tests/e2e)
tested=()
failed=()
for version in 3.10 3.11 3.12 3.13; do
  if ! python=$(find_python "$version"); then
    echo "test-pythons: $version not found, left out"
    continue
  fi
  venv=.venvs/$version
  echo "test-pythons: $("$python" --version)"
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
  install_into "$venv"
  tested+=("$version")
  "$venv/bin/python" -m pytest --quiet "${suites[@]}" || failed+=("$version")
done

if ((${#tested[@]} == 0)); then
  echo "test-pythons: no supported Python was found" >&2
  exit 2
fi
if ((${#failed[@]})); then
  echo "test-pythons: failed on ${failed[*]}"
  exit 1
fi
echo "test-pythons: passed on ${tested[*]}"
