# Startgate: `make sandbox` runs the whole system on this machine, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := bot workers deploy tests
PAGE := deploy/sandbox/page/web

.DEFAULT_GOAL := help
.PHONY: help sandbox play test coverage chaos mutants bench lint page page-check format docs lock clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Startgate needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing). Run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

sandbox: $(STAMP) ## the whole system on loopback, with stand-ins for Azure, Service Bus and Slack
	@$(BIN)/python -m deploy.sandbox up $(ARGS)

play: $(STAMP) ## plays six stories against the sandbox and prints a timeline
	@$(BIN)/python -m deploy.sandbox play $(ARGS)

test: $(STAMP) ## all tests, side by side
	@$(BIN)/python -m tests $(ARGS)

coverage: $(STAMP) ## all tests, and which lines of the product none of them reaches; takes half as long again
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(ARGS)

chaos: $(STAMP) ## rounds of faults and kills against the running system (ROUNDS=200 SEED=1)
	@$(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),200) --seed $(or $(SEED),1) $(ARGS)

mutants: $(STAMP) ## plants small defects and tells which no test notices; an hour or two (ARGS=commit for a part)
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(STAMP) ## how far from the limit of its own parts it is; five to ten minutes, or one with QUICK=1
	@$(BIN)/python -m deploy.sandbox.bench $(if $(QUICK),--quick) $(ARGS)

lint: $(STAMP) ## ruff, mypy, import contracts
	@$(BIN)/ruff check $(PACKAGES)
	@$(BIN)/ruff format --check --quiet $(PACKAGES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.docs --check

page: ## builds the page's bundle from its sources (needs Node)
	@cd $(PAGE) && npm ci --silent --no-audit --no-fund && npm run --silent build

page-check: ## fails when the committed bundle is not what the sources give (needs Node)
	@cd $(PAGE) && npm ci --silent --no-audit --no-fund && npm run --silent check

format: $(STAMP) ## formats the code
	@$(BIN)/ruff check --fix --quiet $(PACKAGES) || true
	@$(BIN)/ruff format $(PACKAGES)

docs: $(STAMP) ## writes the documentation that is made from the code
	@$(BIN)/python -m deploy.docs

lock: ## renews requirements.lock (needs uv)
	@uv pip compile pyproject.toml --extra sandbox --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-header --quiet --upgrade -o requirements.lock

clean: ## removes the virtual environment and everything generated
	@rm -rf $(VENV) $(PAGE)/node_modules .sandbox .mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* htmlcov dist
