# The tasks of this project. `make` lists them.
PYTHON ?= python3
out ?= archive
export start out
unexport PYTHONDONTWRITEBYTECODE # tests and benchmarks start the program often: compile it once

help:             ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: .venv/installed            ## install the program and its dependencies in .venv

mirror: install                     ## mirror a site: make mirror start=https://example.org/ out=DIR
	.venv/bin/websucker --out "$$out" -- "$$start" || test $$? -eq 1 # a broken link is in the summary, and no error of make

test: .venv/tests needs             ## run the tests: make test args="tests/core -k srcset"
	.venv/bin/pytest $(args)

long: .venv/tests needs             ## run slow tests: a large site, kills during its crawl, the remaining rows of long tables
	.venv/bin/pytest -m long $(args)

fuzz: .venv/tests                   ## fuzz for ten minutes: make fuzz args="--minutes 60 html"
	.venv/bin/python -m tests.fuzz $(args)

chaos: .venv/tests needs            ## give archives bad luck for ten minutes: make chaos args="--minutes 60"
	.venv/bin/python -m tests.chaos $(args)

fidelity: .venv/tests needs tools   ## mirror sites that generators build with each tool, and compare the copies
	.venv/bin/pytest -m fidelity $(args)
	.venv/bin/python -m benchmarks.fidelity

bench: install tools                ## measure Websucker, wget, HTTrack and others; write docs/performance.*; takes an hour
	.venv/bin/python -m benchmarks.suite $(args)

bench-quick: install tools          ## measure with small sites within three minutes; print only
	.venv/bin/python -m benchmarks.suite --quick $(args)

bench-starts: install tools         ## measure how long programs take to start; write the table into docs/performance.md
	.venv/bin/python -m benchmarks.suite.starts --write $(args)

bench-cores: install tools          ## measure how the work of a crawl is divided among cores; write the table into docs/performance.md
	.venv/bin/python -m benchmarks.suite.cores --write $(args)

bench-links: install tools          ## compare link checkers on a site with planted faults and on real ones; a quarter of an hour
	.venv/bin/python -m benchmarks.links $(args)
	.venv/bin/python -m benchmarks.links.million

sites:                              ## build sites with generators from the npm registry, in build/sites
	$(PYTHON) -m benchmarks.generators $(args)

check: .venv/tests needs            ## check format, lint and types, and run the tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy --platform darwin --cache-dir .mypy_cache/darwin --package mirror
	.venv/bin/mypy --platform win32 --cache-dir .mypy_cache/win32 --package mirror
	.venv/bin/pytest $(args)

docs: .venv/tests                  ## write the docs that are made from the code: the options, the picture of the rooms, what wget calls them, the man page
	.venv/bin/python -m mirror.cli.option_docs docs/options.md
	.venv/bin/python -m tests.rooms
	.venv/bin/python -m tests.shell_files
	.venv/bin/python -m tests.peers

format: .venv/tests                 ## format the code, and fix what the linter can fix
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

needs:                              ## install Debian packages for the tests: a browser, a web server, a large site
	sh tests/needs.sh

tools:                              ## install Debian packages of the tools that Websucker is compared with
	sh benchmarks/needs.sh

clean:                              ## remove built files, but no mirrors
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/tests: .venv/installed requirements-dev.txt requirements-browser.txt requirements-pdf.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	touch $@

.PHONY: help install mirror test long fuzz chaos fidelity bench bench-quick bench-starts bench-cores bench-links sites check docs format needs tools clean
