# Everything a user or a developer runs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 4566
DATA ?= .bascule
WORKERS ?= 2

.PHONY: ci-packages kills-mixed help setup demo test test-long check format bench bench-peers bench-patterns bench-reload bench-hostile kills serve lock reference clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## make .venv and install everything from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Bascule needs Python 3.11 or newer; run: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(STAMP)

serve: setup ## run a server on port 4566 with its data in ./.bascule
	$(BIN)/bascule serve --port $(PORT) --data $(DATA)

demo: setup ## play the main scenario: rules, a function, a queue, a SIGKILL half-way
	@$(BIN)/python -m bascule.demo

check: setup ## format, lint, strict types, layering and budgets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/rules

format: setup ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ifeq ($(CI),true)
test: ci-packages
endif
test: check ## all checks and all tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests --ignore=tests/rules

ci-packages:
	@sh tools/install_test_packages.sh

test-long: setup ## the long run: more kills, more generated cases
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --long tests

bench: setup ## ingest, latency, invocation, start-up and memory of this machine
	$(BIN)/python -m bench

bench-peers: setup ## the same script on MiniStack, side by side, with ratios
	$(BIN)/python -m bench --peers

bench-patterns: setup ## the pattern engine beside event-ruler (needs a JDK and Maven for the peer)
	$(BIN)/python -m bench.patterns

bench-reload: setup ## from saving a handler to the first answer of the new code, under load
	$(BIN)/python -m bench.reload

bench-hostile: setup ## a function's latency beside functions that misbehave, with ratios
	$(BIN)/python -m bench.hostile

kills-mixed: setup ## 100 kills under a mixed load of queues, topics, functions, destinations and mappings
	$(BIN)/python -m bench.kills_mixed --kills 100

kills: setup ## SIGKILL a server 20 times under load and account for every acknowledged event
	$(BIN)/python -m bench.kills

reference: setup ## write the generated pages of docs/reference again
	$(BIN)/python tools/generate_reference.py

lock: setup ## resolve the dependencies again and rewrite the lock file
	$(BIN)/python tools/lock.py

clean: ## remove what the commands above made
	rm -rf $(VENV) .bascule .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
