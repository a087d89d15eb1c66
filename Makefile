# make demo, make test: each sets up .venv when it is missing. Needs git, make and Python 3.11 or later.
PYTHON ?= python3
BIN := .venv/bin
COMMIT = $(shell git rev-parse HEAD)$(shell git diff --quiet HEAD || echo -dirty)

.PHONY: demo test lint docs bench compare figures fuzz mutants

demo: .venv/ready
	$(BIN)/karyon demo

test: .venv/ready
	$(BIN)/pytest -n auto --dist loadscope --junit-xml runs/validation/tests.xml -o junit_suite_name="$(COMMIT)"

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/ready # into site/: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/ready # a quarter of an hour; on a machine that does nothing else
	$(BIN)/python -m karyon.bench docs

figures: .venv/ready
	$(BIN)/python -m karyon.sim.view.loss_plot docs/platoon_loss
	PYGAME_HIDE_SUPPORT_PROMPT=1 $(BIN)/python -m karyon.sim.view.gallery docs
	$(BIN)/karyon demo >/dev/null && cp runs/demo/timeseries.png docs/demo.png
	PYGAME_HIDE_SUPPORT_PROMPT=1 $(BIN)/python -m karyon.campaign.gallery docs
	$(BIN)/python -m karyon.campaign.pages docs/campaigns runs/pages
	PYGAME_HIDE_SUPPORT_PROMPT=1 $(BIN)/python -m karyon.hil.gallery docs

compare: .venv/ready
	$(BIN)/python -m karyon.sim.comparison docs

fuzz: .venv/ready # a million payloads for the test bench
	$(BIN)/python -m tests.hil.fuzz_payloads

mutants: .venv/ready
	rm -rf mutants # results of tests that have changed since
	$(BIN)/mutmut run
	$(BIN)/mutmut results
	$(BIN)/mutmut export-cicd-stats
	$(BIN)/python -m karyon.evidence.validation # into the reports

.venv/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "KARYON needs Python 3.11 or later: apt-get install python3.11, then make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint requirements.lock --editable '.[fast,view,hil,cluster,search,report,vault,docs,dev]'
	@touch $@
