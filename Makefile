# Each target does all of its own set-up in .venv; a C compiler is optional.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo tour test matrix check bench soak screenshots pages dist hooks clean

demo: $(VENV)/.installed
	@$(BIN)/kshell --demo

tour: $(VENV)/.installed
	@$(BIN)/kshell --demo --tour

# Three on two cores: tests wait for brokers half of the time.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist worksteal

# What takes minutes: brokers that fail, and brokers of every version.
matrix: $(VENV)/.dev
	$(BIN)/python -m pytest -m matrix tests

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	@for script in $(filter-out benchmarks/compare.py benchmarks/soak.py benchmarks/__init__.py,$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Windows and joins over time that moves on: state and memory must stay as they are.  And a thousand
# faults of queries that outlive the shell: nothing lost, nothing twice.
soak: $(VENV)/.dev
	$(BIN)/python benchmarks/soak.py
	FAULTS=1000 $(BIN)/python -m pytest -s tests/live/test_durable_faults.py

# The source, and a wheel with the compiled parts for this platform; `cibuildwheel` makes the others.
dist: $(VENV)/.dev
	rm -rf build dist
	$(BIN)/python -m build

hooks: $(VENV)/.dev
	$(BIN)/pre-commit install

screenshots: $(VENV)/.dev
	$(BIN)/python screenshots/make.py

# The pages of docs/ that are made from tables.
pages: $(VENV)/.dev
	$(BIN)/python -m tests.reference_page
	$(BIN)/python -m tests.duckdb.dialect_page

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The compiled parts are rebuilt when their sources change.
SOURCES := pyproject.toml setup.py $(shell find kshell -name '*.pyx' -o -name '*.h')

$(VENV)/.installed: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
	find kshell -name '*.so' -o -name '*.c' | xargs rm -f
