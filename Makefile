# `make help` lists what there is. Each target makes the environment it needs; nothing but Python 3.11 is expected.
.PHONY: help demo run test test-all check bench quality shots
.DEFAULT_GOAL := help
ARGS ?=
QUICK = not (slow or browser or corpus or suite)

help:   ## List the targets
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' $(MAKEFILE_LIST)

demo: .venv/.run ## Replay the leak of 2011 in front of you (ARGS=--no-serve ends after the table)
	.venv/bin/canary demo $(ARGS)

run: .venv/.run ## Run everything on this machine with ./canary.toml
	.venv/bin/canary up $(ARGS)

# Byte code of test modules is kept: every process of the tests would compile them again.
test test-all: export PYTHONDONTWRITEBYTECODE =

test: .venv/.dev ## Run the tests that every change needs: units, parts, stories and a handful of pages
	.ci/install browser
	.venv/bin/pytest -n 2 --dist worksteal -m "everyday or $(QUICK)" $(ARGS)

test-all: .venv/.dev ## Run all other tests: PostgreSQL, crash walks, peers, every page, real mail and suites
	.ci/install browser
	.ci/install test-tools
	.venv/bin/pytest -n 2 --dist loadfile -m "not (everyday or $(QUICK))" $(ARGS)

check: .venv/.dev ## Lint, types and import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

quality: .venv/.dev ## Measure verdicts on real mail (needs CANARY_CORPUS and CANARY_STREAMS; ARGS=world|streams|fit is a part)
	.venv/bin/python -m tests.quality $(ARGS)

shots: .venv/.dev ## Take screenshots of every page on demo, awkward and empty data (ARGS names some: demo|awkward|alone|empty)
	.ci/install browser
	.venv/bin/python -m tests.browser.shots $(ARGS)

bench: .venv/.dev ## Measure beside real peers (ARGS names a benchmark)
	.ci/install bench-tools
	.venv/bin/python -m bench $(ARGS)

.venv/.run: pyproject.toml uv.lock .ci/install
	.ci/install run
	@touch $@

.venv/.dev: pyproject.toml uv.lock .ci/install
	.ci/install dev
	@touch $@ .venv/.run
