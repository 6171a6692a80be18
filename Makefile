# Every command a person or the CI runs. The logic is in scripts/; this file names it.
# Needs: Rust (stable), Python 3.10 or newer with venv and pip, a C compiler, make.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Two parts of a build at once would share the processors that each of them already uses.
.NOTPARALLEL:

PYTHON_VENV := .venv/bin/python

.PHONY: help setup build check test test-pythons demo bench wheel lock clean

help:  ## list the commands
	@echo "Laneway: make <command>"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## create .venv with the locked tools (quick when nothing changed)
	@scripts/setup.sh

build: setup  ## build the release wheel and install it in .venv (quick when nothing changed)
	@$(PYTHON_VENV) scripts/build.py

check: build  ## format, lints, types, licences, walls, tidiness
	@scripts/check.sh

test: build  ## every test, beside a Redis and a PostgreSQL of their own
	@scripts/test.sh

test-pythons: build  ## the Python tests on every Python from 3.10 on that is found
	@scripts/test_pythons.sh

demo: build  ## one worker, every lane, a crash in the middle, nothing lost
	@$(PYTHON_VENV) examples/demo/run.py

bench: build  ## the numbers of bench/, printed with machine and commit
	@scripts/bench.sh

wheel: setup  ## leave the wheel in dist/ and say what it holds
	@$(PYTHON_VENV) scripts/build.py --show

lock: setup  ## lock requirements/*.in again
	@scripts/lock.sh

clean:  ## remove what was built, not the environment
	@cargo clean --quiet
	@rm -rf dist packaging/data .pytest_cache .ruff_cache .mypy_cache .venvs .venv/.laneway-wheel
	@echo "clean: removed target, dist and caches; .venv is kept"
