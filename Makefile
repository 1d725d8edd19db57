# Every daily act is one target, and each target sets itself up: a fresh clone needs python3 >= 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin
CORE := .venv/.core
DEV := .venv/.dev
PIP = $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet
CASES ?=
SEED ?=
VERSIONS ?= python3.12 python3.13
LANGUAGE := $(addprefix tests/,lang parser macros eval check spec stdlib session loader properties differential fuzz)
# Many tests wait for other processes and servers, so one worker more than there are processors.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
CHUNKS ?= 10000000
STREAMS ?= 10000

.PHONY: demo test check docs bench fuzz soak crash versions conformance clean

demo: $(CORE)
	@PATH="$(abspath $(BIN)):$$PATH" rtfs run --allow-all $(if $(STATE),--state $(STATE)) examples/demo.rtfs

test: $(DEV)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache # its cache misses modules that were added

docs: $(DEV)
	@$(BIN)/python docs/build.py

bench: $(DEV)
	@$(BIN)/python -m bench $(ROWS)

fuzz: $(DEV)
	@RTFS_FUZZ_SEED=$(or $(SEED),$$(date +%s)) $(BIN)/python -m pytest -n auto -m "hypothesis or fuzz" --hypothesis-profile=fuzz

# Memory of streams that never end, and very many of them.
soak: $(DEV)
	@RTFS_SOAK_CHUNKS=$(CHUNKS) RTFS_SOAK_STREAMS=$(STREAMS) $(BIN)/python -m pytest -n auto tests/host/stream/test_soak.py tests/host/stream/test_scale.py tests/host/stream/sinks/test_copying.py tests/host/stream/test_memory_efficient.py tests/host/stream/test_flat_memory.py

# The tests of the language on other Pythons, each in a virtual environment of its own.
versions: | $(BIN)/python
	@set -e; for python in $(VERSIONS); do \
	  version=$$($$python -c 'import sys; print(*sys.version_info[:2], sep=".")') || \
	    { echo "$$python does not run: make versions VERSIONS=\"/path/to/python3.12 ...\""; exit 1; }; \
	  other=.venv-$$version; \
	  if ! [ $$other/.dev -nt pyproject.toml ]; then \
	    echo "setting up $$other"; \
	    $$python -m venv --without-pip $$other; \
	    $(PYTHON) -m pip --python $$other/bin/python --disable-pip-version-check install --quiet --editable '.[dev]'; \
	    touch $$other/.dev; \
	  fi; \
	  echo "Python $$version"; \
	  $$other/bin/python -m pytest -n auto -q $(LANGUAGE); \
	done

crash: $(DEV)
	@$(BIN)/python -m pytest tests/session/test_durable.py --hypothesis-profile=fuzz
	@RTFS_KILLS=200 $(BIN)/python -m pytest tests/host/stream/test_crash.py tests/host/stream/test_outbox_crash.py \
	  tests/host/stream/test_outage.py tests/contracts/test_unruly.py

conformance: $(DEV)
	@$(BIN)/python tests/spec/run_cases.py $(CASES)

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The virtual environment has no pip of its own: making one takes seconds, and the pip at hand can fill it.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rtfs needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv --without-pip .venv

$(CORE): pyproject.toml | $(BIN)/python
	@echo "setting up .venv (once)"
	@$(PIP) --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "setting up .venv for development (once)"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(CORE)
