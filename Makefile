# One command a check; `make` lists them. .ci/run runs the same and more, from a fresh clone.
python ?= .venv/bin/python
bin := $(dir $(python))

.PHONY: help setup check format lint types floors quick test anew coverage docs pages everything

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## an environment with all that the checks need
	python3 -m venv .venv
	$(bin)pip install -q -e '.[dev]' 'pandas>=3'

check: format lint types floors quick ## all that takes about a minute

format: ## is the code formatted?
	$(bin)ruff format --check .

lint: ## does the code keep the rules of the linter?
	$(bin)ruff check .

types: ## do the types hold, strictly?
	$(bin)mypy

floors: ## does every file import from floors below its own only?
	$(bin)lint-imports

quick: ## the house's own rules, the imports and the published numbers
	$(bin)pytest -q -n 2 tests/house/test_house.py tests/house/test_import.py \
	  tests/house/test_privacy.py tests/house/test_catalogue.py tests/kpis/test_outcome.py \
	  tests/survival/test_curves.py -k "not polars and not duckdb and not arrow and not ibis"

test: ## the tests, the examples in docstrings and the code on the pages
	$(bin)pytest -q -n 2

anew: ## the tests that draw random examples, with many new ones
	$(bin)pytest -q -n 2 --hypothesis-profile=anew -m "hypothesis and not spark and not browser"

coverage: ## the tests, and which lines of the library they miss
	$(bin)pytest -q -n 2 --cov --cov-report=term

docs: ## the site, warnings as errors
	$(bin)mkdocs build --strict

pages: ## write the output of the code on the pages anew, and show what changed
	$(bin)python tests/tools/documents.py --write
	git diff --stat docs README.md

everything: ## what must hold before a change is accepted, from a fresh copy
	.ci/run
