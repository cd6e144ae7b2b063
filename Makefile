.DEFAULT_GOAL := help
BIN := .venv/bin
# uv from pip: it needs neither ensurepip nor a Python of its own. Certificates of the system: a company's root is trusted.
# Compiled once, for processes that may not write what they have compiled: each would need twice as long to start.
UV := UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 .venv/setup/bin/uv

# A Python of your choice: one that pyenv has built is slow unless it was told to optimise.
PYTHON ?= python3

.venv/ready: pyproject.toml requirements.lock tests/watcher_sdk.lock
	@echo "Setting up .venv ..."
	@PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --target .venv/setup uv==0.13.9
	@$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" .venv
	@$(UV) pip install --quiet --require-hashes --requirement requirements.lock
	@$(UV) pip install --quiet --no-deps --require-hashes --python-version 3.12 --requirement tests/watcher_sdk.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@: > $@

demo: .venv/ready ## load real data, sync it, prove both sides equal, serve (ARGS=--exit: stop after the report)
	@$(BIN)/python -m demo $(ARGS)

test: .venv/ready ## run the test suite
	$(BIN)/pytest -n auto $(ARGS)

check: .venv/ready ## format, lint, types, import contracts
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
	@if [ -x $(BIN)/lint-imports ]; then $(BIN)/lint-imports; else echo "Import contracts are not checked: import-linter needs Python 3.11."; fi

services: ## install what tests use beside PostgreSQL: MariaDB, Chromium, Node, a client from npm
	@.ci/services

lock: .venv/ready ## renew requirements.lock
	$(UV) pip compile --universal --python-version 3.10 --generate-hashes --extra dev --extra demo --no-emit-index-url --no-header --no-annotate --quiet pyproject.toml --output-file requirements.lock

help: ## this list
	@python3 -c 'import re; [print(f"make {a:9}{b}") for a, b in re.findall(r"(?m)^([a-z]+):.*## (.*)", open("Makefile").read())]'

.PHONY: demo test check services lock help
