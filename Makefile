# make run: install what the gateway needs and start it.  make test: install what the tests need and run them.
# Needs Python >= 3.11 and make; uv is used when it is there.

VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop
INPUTS := pyproject.toml constraints.txt

.PHONY: run setup test check lint bench

run: $(RUN_READY)
	@exec $(BIN)/tocsin run $(ARGS)

setup: $(DEV_READY)

# Compiled files are kept, whatever the environment says: the tests start some hundred processes.
test: $(DEV_READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

check: lint test

lint: $(DEV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV_READY)
	$(BIN)/python -m bench $(ARGS)

# Installing must not read our standard input, which belongs to the console, nor write to standard output.
$(RUN_READY): $(INPUTS)
	@./.ci/install run </dev/null >&2
	@touch $@

$(DEV_READY): $(INPUTS)
	@./.ci/install develop </dev/null >&2
	@touch $(RUN_READY) $@
