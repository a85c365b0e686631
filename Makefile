# make run      set up, then run all shipped scenarios into results/
# make test     set up, then run the tests
# make check    what a pull request has to pass: format, lint, types, tests
# make nightly  also the slow tests
# make bench    speed as ratios, measured in one run
# make data     make the canonical tables again from the publishers' files
# make summary  write the small tables under results/summary again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIOS := $(sort $(wildcard scenarios/*.yaml))

.PHONY: run test check nightly bench data summary clean

run: $(VENV)/installed
	$(BIN)/mfa run $(SCENARIOS) -o results

test: $(VENV)/installed
	$(BIN)/python -m pytest -m "not slow"

check: $(VENV)/installed-check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow"

nightly: $(VENV)/installed
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest

bench: $(VENV)/installed-bench
	$(BIN)/python -m tests.bench

data:
	$(PYTHON) scenarios/data/prepare.py

summary: run
	$(BIN)/mfa compare $(SCENARIOS:scenarios/%.yaml=results/%) --csv > results/summary/world_totals.csv
	$(BIN)/python scenarios/hindcast.py

clean:
	rm -rf $(VENV) $(SCENARIOS:scenarios/%.yaml=results/%)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test,fast]"
	touch $@

$(VENV)/installed-check: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[test,fast,check]"
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[test,fast,peers]"
	touch $@
