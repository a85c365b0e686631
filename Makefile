# make run      set up, then run all shipped scenarios into results/ and report on them
# make test     set up, then run the tests
# make check    what a pull request has to pass: format, lint, types, tests
# make nightly  also the slow tests
# make bench    speed as ratios, measured in one run
# make data     make the canonical tables again from the publishers' files
# make fits     fit the S-curves that the scenarios use again
# make exchange set up pyam and the CF checker apart, which some tests use
# make docs     build the pages in docs/_build/html, notebooks executed (those that changed)
# make docs-quick the same, notebooks without figures
# make summary  write the small tables under results/summary again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIOS := $(sort $(wildcard scenarios/*.yaml))
BULK := $(filter scenarios/bulk_%,$(SCENARIOS))
CARS := $(filter scenarios/vehicle_%,$(SCENARIOS))
MINERALS := $(filter-out $(BULK) $(CARS),$(SCENARIOS))

.PHONY: run fits test check nightly bench data exchange docs docs-quick summary clean

run: $(VENV)/installed
	$(BIN)/mfa run $(SCENARIOS) -o results
	$(BIN)/mfa report $(SCENARIOS:scenarios/%.yaml=results/%) -o results/report.html

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

check: $(VENV)/installed-check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

nightly: $(VENV)/installed-test
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n auto --dist worksteal

bench: $(VENV)/installed-test
	$(BIN)/python -m tests.bench

data:
	$(PYTHON) scenarios/data/prepare.py

fits: $(VENV)/installed
	cd scenarios && ../$(BIN)/mfa fit data/steel_consumption.csv --law gompertz --by data/gdp_per_capita.csv \
	    --per data/population_history.csv --group region --where status=reported --first 1962 -o fits/steel.yaml

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

docs-quick: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -D nb_execution_mode=off -b html docs docs/_build/quick

summary: run
	$(BIN)/mfa compare $(MINERALS:scenarios/%.yaml=results/%) --csv > results/summary/world_totals.csv
	$(BIN)/mfa compare $(BULK:scenarios/%.yaml=results/%) --csv > results/summary/bulk_metals.csv
	$(BIN)/mfa compare $(CARS:scenarios/%.yaml=results/%) --csv > results/summary/electric_cars.csv
	$(BIN)/python scenarios/hindcast.py
	$(BIN)/python scenarios/supply_risk.py
	$(BIN)/python scenarios/shocks.py

exchange:
	$(PYTHON) -m venv .venv-exchange
	.venv-exchange/bin/python -m pip install --quiet pyam-iamc "sqlalchemy<2.1" openpyxl compliance-checker

clean:
	rm -rf $(VENV) docs/_build docs/generated $(SCENARIOS:scenarios/%.yaml=results/%)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[report]"
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[test,fast,peers,tables,browser]"
	touch $@

$(VENV)/installed-check: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --editable ".[test,fast,peers,tables,browser,check]"
	touch $@

$(VENV)/installed-docs: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --editable ".[test,fast,peers,tables,browser,docs]"
	touch $@
