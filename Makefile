# What one does here. `make` alone says so.
PYTHON ?= python3
out ?= archive
export start out
unexport PYTHONDONTWRITEBYTECODE # tests and benchmarks start the program as a desk does: compiled once, not each time

help:             ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: .venv/installed            ## the program and what it stands on, in .venv

mirror: install                     ## mirror a site: make mirror start=https://example.org/ out=DIR
	.venv/bin/scrapy crawl mirror -a start="$$start" -a out="$$out"

test: .venv/tests needs             ## all tests, with what they need
	.venv/bin/pytest $(args)

long: .venv/tests needs             ## tests that take longer: a large site, kills over it, the rest of long tables
	.venv/bin/pytest -m long $(args)

fuzz: .venv/tests                  ## look for input that breaks a law, for ten minutes: make fuzz args="--minutes 60 html"
	.venv/bin/python -m tests.fuzz $(args)

fidelity: .venv/tests needs tools    ## sites that generators build: tests, and a table of what is left in whose copies
	.venv/bin/pytest -m fidelity $(args)
	.venv/bin/python -m benchmarks.fidelity

bench: install tools                ## beside wget, HTTrack and others: writes docs/performance.*, takes an hour
	.venv/bin/python -m benchmarks.suite $(args)

bench-quick: install tools          ## the same with small sites, within three minutes; prints only
	.venv/bin/python -m benchmarks.suite --quick $(args)

sites:                              ## websites as generators build them, from the npm registry, below build/sites
	$(PYTHON) -m benchmarks.generators $(args)

check: .venv/tests needs            ## format, lint, types, tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest $(args)

format: .venv/tests                 ## put the code into its form
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

needs:                              ## Debian's packages for the tests: a browser, a web server, a large site
	sh tests/needs.sh

tools:                              ## Debian's packages for the benchmarks: the tools that Websucker is compared with
	sh benchmarks/needs.sh

clean:                              ## take away what was built, not what was mirrored
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/tests: .venv/installed requirements-dev.txt requirements-browser.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	touch $@

.PHONY: help install mirror test long fuzz fidelity bench bench-quick sites check format needs tools clean
