# The commands of this project; `make` alone lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

BIN := .venv/bin
MODEL := classifier/artifacts/demo
SCRIPTS := hotline/web/static/vendor
REPORT := var/test-report.xml
# Which tests: make test T=tests/services
T ?= tests
# One more than there are processors: many tests wait, for a call, a browser, a server.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

READY := .venv/.ready $(SCRIPTS)/.ready
# In CI `make check` has run tests/house a moment ago.
IN_CI := $(filter true,$(CI))
COVERAGE := $(if $(IN_CI),--cov --cov-report= --ignore=tests/house)

.PHONY: help setup asterisk run test test-fast check fix bench bench-classifier migrate migration seed train doctor pictures

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{printf "make %-16s %s\n", $$1, $$2}'

setup: $(READY) ## virtual environment and page scripts, from the lock files; hooks
	@[ ! -e .git ] || git config core.hooksPath .githooks

asterisk: $(READY) ## a real Asterisk and a voice, unless the machine has them
	@$(BIN)/python -m tools.asterisk

run: $(READY) $(MODEL)/manifest.json ## the whole service with a demo city, on http://127.0.0.1:8000
	@[ "$$HOTLINE_TELEPHONY" = off ] || $(BIN)/python -m tools.asterisk >/dev/null || true
	@HOTLINE_DEMO=$${HOTLINE_DEMO:-true} HOTLINE_DEMO_DAYS=$${HOTLINE_DEMO_DAYS:-30} exec $(BIN)/hotline up

test: $(READY) $(MODEL)/manifest.json ## all tests (T=path for some)
	@[ "$$HOTLINE_TELEPHONY" = off ] || $(BIN)/python -m tools.asterisk || [ "$$CI" != true ]
	@mkdir -p var && rm -f $(REPORT) .coverage .coverage.*
	@status=0; $(BIN)/python -m pytest $(T) -q -n $(WORKERS) --dist worksteal -rsR --junit-xml=$(REPORT) $(COVERAGE) || status=1; \
	if [ -n "$(COVERAGE)" ]; then tools/coverage.sh || status=1; fi; \
	$(BIN)/python tools/tally.py $(REPORT) || status=1; exit $$status

test-fast: $(READY) $(MODEL)/manifest.json ## all tests but those with real components
	@$(BIN)/python -m pytest $(T) -q -n $(WORKERS) --dist worksteal -rs --ignore=tests/real

check: $(READY) ## everything static: format, rules, types, imports
	@status=0; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports --no-cache --no-logo || status=1; \
	$(BIN)/python -m pytest tests/house -q -p no:cacheprovider || status=1; \
	exit $$status

fix: $(READY) ## format, and mend what can be mended safely
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-classifier: $(READY) ## measure the classifier (D=folder with the four training files adds them)
	@$(BIN)/python -m bench.classifier $(if $(D),--data $(D))
	@$(BIN)/python -m bench places

bench: $(READY) $(MODEL)/manifest.json ## measure, each figure beside its limit
	@$(BIN)/python -m bench

migrate: $(READY) ## bring the database up to date
	@$(BIN)/hotline up --only migrate

migration: $(READY) ## write a migration from the models: make migration m="what changes"
	@test -n "$(m)" || { echo 'say what changes: make migration m="..."' >&2; exit 1; }
	@$(BIN)/python -m tools.migration "$(m)"

seed: $(READY) ## put the demo city into the database
	@$(BIN)/hotline seed

train: $(READY) ## train the demo classifier
	@rm -f $(MODEL)/manifest.json
	@$(MAKE) $(MODEL)/manifest.json

doctor: $(READY) ## check each component and setting, and say what to do
	@$(BIN)/hotline doctor

pictures: $(READY) $(MODEL)/manifest.json ## take the pictures in docs/pictures again
	@$(BIN)/python -m tools.pictures
	@$(BIN)/python -m tools.story_pictures

# What the commands above need; each is made again only when what it is made from has changed.

.venv/.ready: requirements.lock pyproject.toml
	@python=$$(tools/preflight.sh) && tools/venv.sh "$$python"
	@touch $@

node_modules/.ready: package.json package-lock.json
	@tools/preflight.sh >/dev/null
	@tools/step.sh "Fetching page scripts by package-lock.json" npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

$(SCRIPTS)/.ready: tools/vendor.mjs node_modules/.ready
	@node tools/vendor.mjs
	@touch $@

EXAMPLES := classifier/data/seed_examples.jsonl
CITY := hotline/reference/taxonomy.yaml hotline/reference/city.yaml

$(MODEL)/manifest.json: $(EXAMPLES) $(CITY) $(wildcard classifier/*.py) requirements.lock | .venv/.ready
	@tools/step.sh "Training the demo classifier" $(BIN)/python -m classifier train --examples $(EXAMPLES) \
		--taxonomy hotline/reference/taxonomy.yaml --city hotline/reference/city.yaml --out $(MODEL)
	@touch $@
