# Every command of this repository. `make` alone lists them.
#
# Only Python 3.11 to 3.14, make and git are expected on the machine. What else is needed goes into $(VENV), from the
# pinned lists in deploy/requirements: pip refuses a file whose hash is not listed there.

PYTHON  ?= python3
VENV    ?= .venv
SAMPLES ?= ../shared/samples
N       ?= 50
PORT    ?=
SEED    ?=
INPUTS  ?= 1000000
SAMPLE  ?= 0
DEPTH   ?= 8
ARGS    ?=

# A file of tests to a worker, so that what a file founds once is founded once; in the order of their names, since files of
# few tests are the long ones and by number of tests would come last, alone on one core.
PARALLEL := -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# What tests the core alone: a room or a file of tests for each of its rooms and files, and the vectors.
CORE_TESTS := $(wildcard $(patsubst gateway/core/%,tests/unit/%,$(filter-out %.py %/__pycache__,$(wildcard gateway/core/*)))) \
  $(wildcard $(patsubst gateway/core/%,tests/unit/test_%,$(wildcard gateway/core/*.py))) tests/vectors

BIN  := $(VENV)/bin
PINS := deploy/requirements
RUN  := $(VENV)/.installed-run
TEST := $(VENV)/.installed-test
NODE := $(VENV)/.installed-node
BUF  := $(VENV)/buf
ISSUER := $(VENV)/issuer
GOAL := $(or $(firstword $(MAKECMDGOALS)),demo)
PIP  := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check

CHECK_PYTHON = import sys; v = sys.version_info[:3]; found = ".".join(map(str, v)); \
  v < (3, 11) and sys.exit("error[python-too-old]: need Python 3.11 or newer, found %s   do: make $(GOAL) PYTHON=python3.12" % found); \
  v >= (3, 15) and sys.exit("error[python-too-new]: need Python 3.11 to 3.14, found %s   do: make $(GOAL) PYTHON=python3.14" % found)
INSTALL_FAILED = { echo "error[install-failed]: every pinned package must install with its hash, pip said no above   do: check the package index, then make $(GOAL)" >&2; exit 1; }
NPM_FAILED = { echo "error[install-failed]: $(1) must install from $(2)/package-lock.json with its hashes, npm said no   do: check the package index, then make $(GOAL)" >&2; exit 1; }

.DELETE_ON_ERROR:
.PHONY: help demo test lint types protos buf issuer crash fuzz flips explore revoke-bench start-up coverage coverage-core errors pins

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-21s %s\n", $$1, $$2 }'

demo: $(RUN) ## one source, three partners, one tampered frame, one revocation (PORT=9443 to choose the port)
	@$(BIN)/sluice demo $(if $(PORT),--port $(PORT)) $(ARGS)

test: $(TEST) ## everything, offline (SAMPLES=DIR sample logs, SEED=n the same random choices again, ARGS='-k tree')
	@SLUICE_SAMPLES='$(abspath $(SAMPLES))' SLUICE_SEED='$(SEED)' $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: $(TEST) ## ruff, formatting and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(TEST) ## mypy, strict
	@$(BIN)/mypy

protos: $(TEST) ## write protos/gen again from protos/sluice/v1
	@$(BIN)/python protos/generate.py

# The environment comes first on the path: there is the npm of a machine that has none, and the node that runs buf.
buf: $(BUF)/.installed ## lint the contract and compare it with what is published (buf, from npm, pinned by hash)
	@cd protos && export PATH="$(abspath $(BIN)):$$PATH" && '$(abspath $(BUF))/node_modules/.bin/buf' lint && \
	'$(abspath $(BUF))/node_modules/.bin/buf' breaking --against published/sluice-v1.binpb
	@echo 'contract  ok  lint, and nothing published changes'

issuer: $(ISSUER)/.installed ## install a real issuer of access tokens for `make test` (oidc-provider, from npm, pinned by hash)

crash: $(TEST) ## kill -9 the gateway at N random moments and count what was promised (N=50)
	@$(BIN)/python -m tests.system.crash --moments $(N) $(ARGS)

fuzz: $(TEST) ## random and structured inputs through every parser, a table at the end (INPUTS=1000000 for each)
	@$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(or $(SEED),0) $(ARGS)

flips: $(TEST) ## every byte of the recorded day changed, before both readers (SAMPLE=n bytes of each message, 0: all)
	@$(BIN)/python -m tests.mutation --sample $(SAMPLE) --seed $(or $(SEED),1) $(ARGS)

explore: $(TEST) ## every way that two to four operators can go in CONTROL, states printed (DEPTH=8 steps)
	@$(BIN)/python -m tests.model.explore --depth $(DEPTH) $(ARGS)

revoke-bench: $(TEST) ## a thousand live streams, one SUSPEND: what is sent after it, and the time to the last end
	@$(BIN)/python -m tests.bench.revoke $(ARGS)

start-up: $(TEST) ## how long commands take before they do anything, beside `python -c pass`
	@$(BIN)/python -m tests.bench.start_up $(ARGS)

coverage: $(TEST) ## run the tests with branch coverage: gateway/core must reach 100 %, the whole 90 %
	@$(BIN)/coverage erase
	@SLUICE_SAMPLES='$(abspath $(SAMPLES))' SLUICE_SEED='$(SEED)' $(BIN)/python -m pytest --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --include='gateway/core/*' --fail-under=100
	@$(BIN)/coverage report --fail-under=90

# The rooms of the core have rooms of tests of the same names: what only a use case happens to reach is not covered. A
# fixed seed: whether a branch is reached must not depend on chance.
coverage-core: $(TEST) ## the tests of its own rooms and the vectors alone must reach 100 % of gateway/core, branches too
	@$(BIN)/coverage erase
	@SLUICE_SAMPLES='$(abspath $(SAMPLES))' SLUICE_SEED='$(or $(SEED),1)' $(BIN)/python -m pytest -q $(PARALLEL) --cov=gateway.core --cov-fail-under=100 $(CORE_TESTS) $(ARGS)

errors: $(TEST) ## write gateway/ERRORS.md again from the code
	@$(BIN)/python -m tests.error_catalogue

# Extras stay in the lists: without them pip takes `coverage[toml]` for a second, unpinned requirement as soon as a newer
# coverage is out.
pins: $(BIN)/python ## resolve deploy/requirements, protos/buf and tests/oidc again (the one command that chooses versions)
	@$(PIP) pip-tools==7.6.2
	@set -e; compile="$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links"; \
	export CUSTOM_COMPILE_COMMAND='make pins'; \
	$$compile --extra gateway --extra formats -o $(PINS)/run.txt pyproject.toml; \
	$$compile --extra gateway --extra formats --extra test -c $(PINS)/run.txt -o $(PINS)/test.txt pyproject.toml; \
	$$compile --build-deps-for editable --only-build-deps -c $(PINS)/test.txt -o $(PINS)/build.txt pyproject.toml; \
	$$compile -o $(PINS)/node.txt $(PINS)/node.in
	@cd protos/buf && npm install --package-lock-only --save-dev @bufbuild/buf@latest
	@cd tests/oidc && npm install --package-lock-only --save-dev oidc-provider@latest

$(BIN)/python:
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@$(PYTHON) -m venv $(VENV)

# The build backend is pinned like everything else and used from the environment itself: an isolated build would fetch
# it without hashes.
$(RUN): $(PINS)/run.txt $(PINS)/build.txt pyproject.toml | $(BIN)/python
	@$(PIP) --require-hashes -r $(PINS)/run.txt -r $(PINS)/build.txt || $(INSTALL_FAILED)
	@$(PIP) --no-deps --no-build-isolation --no-index -e . || $(INSTALL_FAILED)
	@echo 'venv      ok  hashes checked'
	@touch $@

$(TEST): $(PINS)/test.txt $(RUN)
	@$(PIP) --require-hashes -r $(PINS)/test.txt || $(INSTALL_FAILED)
	@touch $@

# A machine without npm gets Node.js as any other pinned package.
$(NODE): $(PINS)/node.txt | $(BIN)/python
	@command -v npm >/dev/null || $(PIP) --require-hashes -r $(PINS)/node.txt || $(INSTALL_FAILED)
	@touch $@

# npm passes over an optional package that it cannot get, and buf's program is one: asking its version shows it is there.
$(BUF)/.installed: protos/buf/package.json protos/buf/package-lock.json protos/buf/.npmrc $(NODE)
	@rm -rf $(BUF) && mkdir -p $(BUF) && cp protos/buf/package.json protos/buf/package-lock.json protos/buf/.npmrc $(BUF)
	@export PATH="$(abspath $(BIN)):$$PATH" && cd $(BUF) && { npm ci --silent && node_modules/.bin/buf --version >/dev/null 2>&1; } || $(call NPM_FAILED,buf,protos/buf)
	@touch $@

$(ISSUER)/.installed: tests/oidc/package.json tests/oidc/package-lock.json tests/oidc/.npmrc $(NODE)
	@rm -rf $(ISSUER) && mkdir -p $(ISSUER) && cp tests/oidc/package.json tests/oidc/package-lock.json tests/oidc/.npmrc $(ISSUER)
	@export PATH="$(abspath $(BIN)):$$PATH" && cd $(ISSUER) && npm ci --silent || $(call NPM_FAILED,the issuer of tokens,tests/oidc)
	@touch $@
