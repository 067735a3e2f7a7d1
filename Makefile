# What a newcomer needs: `make demo` and `make test`. Both need Python 3.11 or newer and nothing else.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
WHOLE := kernel protocol settlement
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo test check format lock bench browser node-tools install clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed ## trade 10 kWh between three real processes; writes demo-report.html
	@$(BIN)/degnode demo --report demo-report.html

# An empty PYTHONDONTWRITEBYTECODE keeps what pytest makes of the tests for the next run, whatever the shell says.
test: $(VENV)/.installed-dev browser node-tools ## run every test, with branch coverage
	@$(BIN)/python -m coverage erase
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not benchmark" --cov --cov-report=term
	@$(BIN)/python -m linters.coverage_gate $(WHOLE)

check: $(VENV)/.installed-dev ## format, lint, types, floors and the rules of the house
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m linters

format: $(VENV)/.installed-dev ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.installed ## measure the way in, the way out, the wire, look-ups, searches, meters, settlement and the ledger
	@$(BIN)/degnode bench receive
	@$(BIN)/degnode bench callbacks
	@$(BIN)/degnode bench wire
	@$(BIN)/degnode bench verify
	@$(BIN)/degnode bench discover
	@$(BIN)/degnode bench meters
	@$(BIN)/degnode bench settle
	@$(BIN)/degnode bench ledger

install: $(VENV)/.installed-dev ## set up everything without running anything

lock: ## pin every dependency of pyproject.toml, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv (pip install uv)" >&2; exit 1; }
	@$(LOCK) pyproject.toml --extra simulation --extra parquet --extra pdf -o requirements.txt
	@$(LOCK) pyproject.toml --all-extras --group dev -c requirements.txt -o requirements-dev.txt
	@$(LOCK) --group build -c requirements-dev.txt -o requirements-build.txt
	@$(LOCK) --no-deps --group generator -o requirements-generator.txt

clean: ## remove everything that was built, installed or recorded
	@rm -rf $(VENV) .degnode build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage .coverage.* htmlcov demo-report.html
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The tests that look at pages need the system's Chromium. Where it is missing and cannot be
# installed, they are skipped and say so; nothing else needs it.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	|| command -v google-chrome >/dev/null \
	|| if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Chromium for the tests that look at pages"; \
		{ timeout 120 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y --no-install-recommends chromium; } \
			>/dev/null 2>&1 || echo "no Chromium could be installed: those tests will be skipped"; \
	fi

# The test that runs the Postman collection with Postman's own runner needs npm; it is skipped without it.
node-tools: $(VENV)/bin/python
	@cmp -s tests/node_tools/package-lock.json $(VENV)/node_tools/package-lock.json \
	|| if command -v npm >/dev/null; then \
		echo "installing Newman for the test that runs the Postman collection"; \
		mkdir -p $(VENV)/node_tools && cp tests/node_tools/package.json $(VENV)/node_tools/ \
		&& cp tests/node_tools/package-lock.json $(VENV)/node_tools/ \
		&& (cd $(VENV)/node_tools && timeout 300 npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) \
		|| { rm -rf $(VENV)/node_tools; echo "Newman could not be installed: that test will be skipped"; }; \
	fi

# Two stamps: the demo needs only what a node runs with, the tests everything.
$(VENV)/.installed: requirements.txt requirements-build.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what a node needs into $(VENV)"
	@$(PIP) -r requirements.txt -r requirements-build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-generator.txt
	@echo "installing what the tests need into $(VENV)"
	@$(PIP) -r requirements-dev.txt
	@$(PIP) --no-deps -r requirements-generator.txt
	@touch $@

$(VENV)/bin/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "making $(VENV) with $$($$python --version)"; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "degnode needs Python 3.11 or newer with its venv module; found: $$(python3 --version 2>&1)." >&2; \
	echo "Install one (Debian: apt-get install python3.11-venv) or say which: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	exit 1
