# What a contributor runs; `make` lists it. CONTRIBUTING.md says when.

PYTHON ?= .venv/bin/python
BIN = $(dir $(PYTHON))
QUICK = tests/dto tests/recoup tests/packaging/test_layers.py tests/packaging/test_sizes.py \
	tests/packaging/test_words.py tests/http/test_retry.py tests/http/test_redirects.py \
	tests/http/test_deadline.py tests/http/test_body.py tests/stream/test_events.py

.DEFAULT_GOAL := help
.PHONY: help ready setup quick test check generate docs site wheel sdist foreign figures mutants

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

ready:
	@$(PYTHON) -c 'import pytest' 2>/dev/null || { echo 'run `make setup` first' >&2; exit 1; }

setup:  ## a virtual environment with the package, as it is here, and all that the tests need
	python3 -m venv .venv
	.venv/bin/pip install -q -e '.[test]'

quick: ready  ## the fast tests, in seconds; and those in MORE
	$(PYTHON) -m pytest -q -n auto $(QUICK) $(MORE)

test: ready  ## all tests, as in the README
	$(PYTHON) -m pytest -q -n auto

check: ready  ## linter, formatter, type checkers, and whether the generated files are fresh
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)mypy dify_java_compat tools
	@# mypy reads a stub instead of the source beside it, unless the source is named
	find dify_java_compat -name '*.pyi' | sed 's/i$$//' | xargs $(BIN)mypy
	$(BIN)pyright --pythonpath $(PYTHON)
	$(PYTHON) -m tools.known_types
	$(PYTHON) -m tools.generate --check

generate: ready  ## write every generated file: coroutines, stubs, names, tables, archive, maps, front pages
	$(PYTHON) -m tools.generate

docs:  ## the site, in build/site; needs what `pip install -e '.[docs]'` gives
	$(PYTHON) -m tools.site

site: docs  ## the same, and whether all is in it
	$(PYTHON) -m pytest -q -m slow tests/docs/test_site.py

wheel: ready  ## a wheel installed beside nothing else, with the newest versions and with the oldest
	$(PYTHON) -m tests.packaging.alone
	$(PYTHON) -m tests.packaging.alone --oldest

sdist: ready  ## the source distribution, unpacked, passes the fast tests
	$(PYTHON) -m tests.packaging.unpacked

foreign: ready  ## packages of other authors against the emulator
	$(PYTHON) -m pytest -q -rs -m foreign tests/foreign

figures: ready  ## the figures of the pages: bad days, benchmarks, the Java SDK; on a quiet machine, hours
	$(PYTHON) -m tests.faults --write
	$(PYTHON) -m tests.benchmarks --write
	PYTHON=$(PYTHON) tests/java/run || test $$? = 3  # 3: there is no Java here
	$(PYTHON) -m tools.generate

mutants: ready  ## break the client's rules one by one; those that no test notices, half an hour
	$(PYTHON) -m tools.mutants
