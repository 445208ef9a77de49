# The doors of the project; `make` alone prints them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
PORT ?= 8000
SPEED ?=
DATA ?=
# More words for pytest: make test ARGS="tests/loyalty -x"
ARGS ?=
# The browser, where it is not the system's `chromium`
CHROMIUM ?=
export CHROMIUM

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Who has nothing left to do takes over what waits for another process.
SHARED := -n auto --maxprocesses=4 --dist worksteal

.PHONY: help demo test test-browser test-data test-faults check types rules bench messages requirements

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## the example shop, whole: PORT=8000 SPEED=60 DATA=folder
	@exec $(BIN)/python manage.py demo --port $(PORT) $(if $(SPEED),--speed $(SPEED)) $(if $(DATA),--data $(DATA))

test: .venv/ready ## the suite on PostgreSQL and a Redis-compatible server, then what needs a database on SQLite
	$(PYTEST) --database=postgres $(SHARED) $(ARGS)
	$(PYTEST) --database=sqlite --nomigrations --needs-database $(SHARED) $(ARGS)

test-browser: .venv/ready ## what a visitor sees, in Chromium
	@[ -n "$(CHROMIUM)" ] || scripts/need chromium chromium
	$(PYTEST) -m browser --nomigrations -n auto --maxprocesses=2 --dist loadfile $(ARGS)

test-data: .venv/ready ## figures from real order histories: DATA=../shared/data
	@[ -n "$(DATA)" ] || { echo "Name the folder: make test-data DATA=folder" >&2; exit 1; }
	@[ -d "$(DATA)" ] || { echo "No such folder: $(DATA)" >&2; exit 1; }
	$(PYTEST) -m data --shop-data="$(DATA)" --nomigrations $(SHARED) $(ARGS)

test-faults: .venv/ready ## servers and workers killed, stopped and flooded
	$(PYTEST) -m faults $(ARGS)

check: .venv/ready ## lint, types, arrows between packages, migrations, translations
	@$(MAKE) --no-print-directory -j2 types rules

# Two halves of `check` that take about as long as each other
types: .venv/ready
	$(BIN)/mypy

rules: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py check --fail-level WARNING
	DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python scripts/messages.py --check

bench: .venv/ready ## our figures beside those of peers: ARGS="placement history"
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	$(BIN)/python -m benchmarks $(ARGS)

messages: .venv/ready ## collect texts into the .po files and compile them
	$(BIN)/python scripts/messages.py

requirements: ## pin pyproject.toml's wishes again; needs uv
	uv pip compile pyproject.toml --all-extras --group pyproject.toml:dev \
	  --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --quiet --upgrade --output-file requirements.txt

.venv/ready: requirements.txt
	@scripts/venv "$(PYTHON)"
