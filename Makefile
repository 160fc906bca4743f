# Every command of the house. On a fresh machine `make demo` and `make test` install what they need.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
BIN := .venv/bin
UV_QUIET ?= --quiet
# modules are compiled once, also where the environment says not to: tests start dozens of processes
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test torture fuzz check bench-api bench-scores bench-store bench-tracker bench-training format release-schema lock clean

help:            ## list the commands
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

install: .venv/installed  ## make the environment from the committed lock

# uv from PATH when it is there, else its pinned release from PyPI into .uv
$(UV):
	@echo "Setting up uv"
	@mkdir -p .uv/bin
	@if command -v uv >/dev/null 2>&1; then ln -sf "$$(command -v uv)" $(UV); \
	else $(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); fi \
	|| { echo "cellkin needs Python 3.11+ with venv and pip (Debian: apt-get install python3-venv), or uv on the PATH" >&2; rm -rf .uv; exit 1; }

# the lock holds every package with its hash and no registry address (docs/decisions/0001-lock-without-addresses.md)
.venv/installed: $(UV) pyproject.toml requirements-dev.lock hatch_build.py ingest/compile_loops.py ingest/loops.c
	@echo "Installing the locked environment into .venv"
	@test -x $(BIN)/python || $(UV) venv $(UV_QUIET) --python $(PYTHON) .venv
	@$(UV) pip sync $(UV_QUIET) --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(UV) pip install $(UV_QUIET) --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install    ## a simulated movie, tracked into Neo4j, scored and served; Ctrl-C stops it
	@$(BIN)/cellkin demo

test: install    ## the whole test suite, against a real Neo4j, in two processes (WORKERS=0: in one)
	@$(BIN)/pytest -n $(or $(WORKERS),2) --dist loadfile --no-loadscope-reorder

check: install   ## formatting, lint, types and import rules
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

torture: install ## every fault of the store and under the service, at 20 random moments each (ROUNDS=…)
	@CELLKIN_TORTURE_ROUNDS=$(or $(ROUNDS),20) $(BIN)/pytest tests/graph/test_faults.py tests/api/test_faults.py

fuzz: install    ## random requests to the running service, for so many minutes (MINUTES=5)
	@CELLKIN_FUZZ_MINUTES=$(or $(MINUTES),5) $(BIN)/pytest tests/api/test_fuzz.py

bench-api: install ## the service against the store, a line a figure; takes a while (SCALE=0.1: less)
	@$(BIN)/python -m tests.bench.bench_api --scale $(or $(SCALE),1)

bench-store: install ## the store against the bare driver, a line a figure; takes a while (SCALE=0.1: less)
	@$(BIN)/python -m tests.bench.bench_store --scale $(or $(SCALE),1)

bench-tracker: install ## trackers side by side, a line a figure; takes a while (ONLY=accuracy: less)
	@$(BIN)/python -m tests.bench.bench_tracker $(or $(DATA),../shared/data/ctc) --uv $(UV) $(if $(ONLY),--only $(ONLY)) --picture .peers/confusion.png

bench-training: install  ## what each kind of evidence is worth, and kinds of movies never seen; an hour or two
	@$(BIN)/python -m tests.bench.bench_training $(or $(DATA),../shared/data/ctc) --steps $(or $(STEPS),600)

bench-scores: install  ## the scores side by side with other scorers; takes a while
	@$(BIN)/python -m tests.bench.bench_scores --uv $(UV)

format: install  ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only .

release-schema: install  ## make today's GraphQL schema the promise of a release, if it keeps the last one's
	@$(BIN)/python -m api.schema_promise

lock: $(UV)      ## resolve what pyproject.toml asks (UPGRADE=--upgrade: all anew)
	@$(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean:           ## remove the environment
	rm -rf .venv .uv ingest/_loops-*
