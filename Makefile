# Everything starts here: `make demo` shows the program, `make test` proves it.
# Both prepare what they need; a second call starts in seconds.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

BIN := .venv/bin
# Set-up: PYTHON=/path/to/python3, TORCH="torch==2.13.0+cu126", PIP="further options for pip".
export PYTHON TORCH PIP
# More options for pytest: make test ARGS="-k camera"
ARGS ?=

HAS_SCREEN := $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname -s))
ON_SCREEN := $(if $(HAS_SCREEN),,xvfb-run -a -s "-screen 0 1920x1080x24")
PYTEST := $(BIN)/python -m pytest -p no:xvfb

.PHONY: help setup libraries demo test test-slow bench lint format types contracts screenshots clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: .venv/.installed ## prepare .venv and the system libraries
	@resources/setup/system_packages.sh \
	  || echo "Until then only the commands without a window work." >&2

libraries:
	@resources/setup/system_packages.sh

.venv/.installed: pyproject.toml resources/setup/pins.txt resources/setup/environment.sh
	@resources/setup/environment.sh
	@touch $@

demo: .venv/.installed ## the window on the sample; without a display, the same job into demo-output/
ifneq ($(HAS_SCREEN),)
	@resources/setup/system_packages.sh || echo "Trying to open the window all the same." >&2
	$(BIN)/avatarpose-gui --sample
else
	$(BIN)/avatarpose demo --out demo-output
endif

test: .venv/.installed libraries ## the tests, without the slow ones
	$(ON_SCREEN) $(PYTEST) -m "not slow" $(ARGS)

test-slow: .venv/.installed libraries ## the slow tests: whole refinements
	$(ON_SCREEN) $(PYTEST) -m slow $(ARGS)

bench: .venv/.installed libraries ## speed and latency, as JSON and a table
	$(ON_SCREEN) $(BIN)/python tests/benchmarks/run.py $(ARGS)

lint: .venv/.installed ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/.installed ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/.installed ## basedpyright
	$(BIN)/basedpyright --pythonpath $(BIN)/python

contracts: .venv/.installed ## which part may import which
	$(BIN)/lint-imports

screenshots: .venv/.installed libraries ## renew the pictures of the window in resources/docs
	$(ON_SCREEN) $(BIN)/python resources/docs/take_screenshots.py $(ARGS)

clean: ## remove what can be made again
	rm -rf .venv build dist demo-output bench-output tests/golden/failed \
	  .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
