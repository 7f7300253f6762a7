# Needs Python 3.11+ and make. Everything else goes into .venv, pinned and checked by requirements/*.txt.
VENV ?= .venv
ARGS ?=
WORKERS ?= auto
BIN := $(VENV)/bin
export VENV PYTHON
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal
# Even where the environment forbids byte code: else every process that a test starts compiles all modules anew.
test test-slow near: export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test near test-slow test-spark generate site screenshots lint type imports spec check conformance mutation dashboard-defects soundness durability consistency voucher-race bench bench-peers lock page-libraries dist clean

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

test-spark:  ## run the Spark example in local mode (needs Java 17 or newer; installs PySpark in an environment of its own)
	@VENV=$(VENV)-spark sh requirements/venv.sh spark
	@exec $(VENV)-spark/bin/python -m pytest -m spark tests/stubs/export/test_spark.py $(ARGS)

near: venv-test  ## run the tests near what has changed since the last commit (ARGS: another revision)
	@exec $(BIN)/python tests/near.py $(ARGS)

generate: venv-test  ## write what follows from code: JSON twins, documentation tables (ARGS=--check lists what is stale)
	@exec $(BIN)/python docs/generate.py $(ARGS)

site: venv-dev  ## build the documentation site in build/site (ARGS=--serve serves it while you write)
	@exec $(BIN)/python docs/build_site.py $(ARGS)

screenshots: venv-dev  ## axe on every page, and pictures of them in screenshots/ and docs/ (needs Chromium)
	@PICTURES=docs exec $(BIN)/python -m pytest -q -m slow tests/browser/test_screenshots.py \
		tests/clients/dashboard -k "screenshots or pictures" $(ARGS)

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

soundness: venv-test  ## run the conformance suite on sound servers under load: none may be reported with an error (ARGS: its options)
	@exec $(BIN)/python tests/conformance/mutation/soundness.py $(ARGS)

dashboard-defects: venv-test  ## plant defects in the example dashboard, refresh docs/dashboard.md (needs npm and Chromium; ARGS: --only NAMES, --every N)
	cd examples/dashboard && npm ci && npm run test:setup
	cd examples/dashboard && ORGBILLING_COMMAND="$(abspath $(BIN))/orgbilling" CHROMIUM="$${CHROMIUM:-$$(command -v chromium)}" \
		node tests/defects/run.js --markdown ../../docs/dashboard.md $(ARGS)

durability: venv-test  ## kill, damage, fill and lock a database 1,000 times (ARGS: --runs N, --first NUMBER, --only KIND)
	@exec $(BIN)/python tests/durability/run.py $(ARGS)

consistency: venv-test  ## servers, a nemesis, and a check of every history (ARGS: --postgres, --runs N, --first SEED, --seconds S)
	@exec $(BIN)/python tests/consistency/run.py $(ARGS)

voucher-race: venv-test  ## race one voucher 100,000 times over four worker processes and a PostgreSQL (ARGS: how often)
	@exec $(BIN)/python tests/consistency/voucher_race.py $(ARGS)

bench: venv-test  ## measure against a raw ASGI server and stock Connexion
	@exec $(BIN)/python bench $(ARGS)

bench-peers: venv-test bench/peers/node_modules/.package-lock.json  ## measure beside Prism and Mockoon (needs npm; ARGS: its options, such as --write)
	@exec $(BIN)/python bench/peers.py $(ARGS)

bench/peers/node_modules/.package-lock.json: bench/peers/package-lock.json
	npm ci --prefix bench/peers --ignore-scripts --loglevel error

lock: venv-dev  ## recompile requirements/*.txt (ARGS: options of uv pip compile, such as --upgrade)
	PATH="$(abspath $(BIN)):$$PATH" sh requirements/lock.sh $(ARGS)

page-libraries:  ## renew the libraries that pages load, API reference and charts (needs npm)
	sh requirements/page-libraries.sh

dist: venv-dev  ## build wheel, source distribution and bill of materials (CycloneDX) in dist/
	$(BIN)/python -m hatchling build --directory dist
	@# Not in the dev lock: it would give the locks other markers of tzdata.
	$(BIN)/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --pyproject pyproject.toml \
		--mc-type application --output-reproducible --output-file dist/sbom.cdx.json requirements/base.txt

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv-%:
	@sh requirements/venv.sh $*
