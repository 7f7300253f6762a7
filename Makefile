# Needs Python 3.11+ and make. Everything else goes into .venv, pinned and checked by requirements/*.txt.
VENV ?= .venv
ARGS ?=
WORKERS ?= auto
BIN := $(VENV)/bin
export VENV PYTHON
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test near test-slow generate screenshots lint type imports spec check conformance mutation bench lock api-reference clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'ARGS="…" goes to the command (make serve ARGS="--port 0"); PYTHON=… and VENV=… choose the environment.'

serve: venv-base  ## run the stub on http://127.0.0.1:4010 (ARGS: options of orgbilling serve)
	@exec $(BIN)/orgbilling serve $(ARGS)

test: venv-test  ## run the tests (ARGS: options of pytest; WORKERS=0: in one process)
	@exec $(PYTEST) $(ARGS)

test-slow: venv-dev  ## run the suites too long for every save (ARGS: options of pytest)
	@exec $(PYTEST) -m slow $(ARGS)

near: venv-test  ## run the tests near what has changed since the last commit (ARGS: another revision)
	@exec $(BIN)/python tests/near.py $(ARGS)

generate: venv-test  ## write what follows from code: JSON twins, documentation tables (ARGS=--check lists what is stale)
	@exec $(BIN)/python docs/generate.py $(ARGS)

screenshots: venv-dev  ## pictures of every hosted page, in screenshots/ (needs Chromium)
	@exec $(BIN)/python -m pytest -q -m slow tests/browser/test_screenshots.py $(ARGS)

lint: venv-dev  ## ruff
	$(BIN)/ruff check .

type: venv-dev  ## mypy --strict
	$(BIN)/mypy

imports: venv-dev  ## import-linter: which package may know which
	$(BIN)/lint-imports --no-logo

spec: venv-test  ## the checked-in API description is what its layers compose to
	$(BIN)/orgbilling spec check

check: lint type imports spec test  ## everything but the long suites

conformance: venv-test  ## run the conformance suite on the stub, in process and over HTTP, all stages, twice (ARGS: options of pytest)
	@exec $(BIN)/python -m pytest -m slow tests/conformance/test_stub.py -k twice $(ARGS)

mutation: venv-test  ## measure the conformance suite by mutation testing, refresh docs/mutation.md (ARGS: its options)
	@exec $(BIN)/python tests/conformance/mutation/run.py --markdown docs/mutation.md $(ARGS)

bench: venv-test  ## measure against a raw ASGI server and stock Connexion
	@exec $(BIN)/python bench $(ARGS)

lock: venv-dev  ## recompile requirements/*.txt (ARGS: options of uv pip compile, such as --upgrade)
	PATH="$(abspath $(BIN)):$$PATH" sh requirements/lock.sh $(ARGS)

api-reference:  ## renew the API reference that the pages load (needs npm)
	sh requirements/api-reference.sh

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv-%:
	@sh requirements/venv.sh $*
