# `make demo` and `make test` need Python 3.11-3.13 and make, nothing else. `make help` lists all targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := uv==0.13.9
WORKERS ?= 2

# idle OpenMP threads sleep instead of spinning; MLflow sends nothing home; Python speaks UTF-8 on any locale
export OMP_WAIT_POLICY := passive
# polars gives memory back at once instead of keeping it for ten seconds
export _RJEM_MALLOC_CONF := dirty_decay_ms:200,muzzy_decay_ms:0
export MLFLOW_DISABLE_TELEMETRY := true
export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# without compiled bytecode every process reads a gigabyte of source anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test slow check docs site pictures reference format lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

setup: $(READY)  ## environment in .venv from requirements.lock

demo: $(READY)  ## food waste on the embedded data: forecast, decide, replay, report
	@$(BIN)/musterwerk run food_waste

test: $(READY)  ## fast test suite
	@$(BIN)/python -m pytest -q -m "not slow" -n $(WORKERS)

# the cluster of the Slurm tests wants the machine for itself
slow: $(READY)  ## slow test suite
	@$(BIN)/python -m pytest -q -m "slow and not docs and not slurm" -n $(WORKERS) --dist loadfile
	@$(BIN)/python -m pytest -q -m "slow and slurm"

check: $(READY)  ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

docs: site  ## the site, and every command, figure and picture of the documentation executed and compared
	@$(BIN)/python -m pytest -q -m docs

site: $(READY)  ## documentation as a static site in build/docs; a warning is an error
	@$(BIN)/python -m sphinx -q -n -W --keep-going -E -d build/docs-cache -c docs . build/docs
	@echo "build/docs/index.html"

pictures: $(READY)  ## the pictures of the documentation and its gallery, from new runs
	@$(BIN)/python docs/images/make_pictures.py
	@$(BIN)/python docs/images/make_gallery.py

reference: $(READY)  ## the pages of docs/reference that are made from the code
	@for maker in docs/reference/make_*.py; do $(BIN)/python $$maker || exit 1; done

format: $(READY)  ## let ruff lay out the code and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY)  ## resolve pyproject.toml anew into requirements.lock
	@$(BIN)/python -m pip install -qq "$(UV)"
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.lock

clean:  ## remove the environment, caches and local runs' leftovers (mlruns stays)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find pipelines usecases tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in half a minute where pip needs three; without it pip reads the same lock
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  f"Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is {sys.version.split()[0]}. Try: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV) (about a gigabyte, once; half a minute to five minutes) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if $(BIN)/python -m pip install -qq "$(UV)" 2> /dev/null; then \
	  $(BIN)/uv pip install -qq --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
	  $(BIN)/uv pip install -qq --python $(BIN)/python --no-deps --no-build-isolation --editable . ; \
	else \
	  $(BIN)/python -m pip install -qq --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $@
