PYTHON ?= python3
KAFKA ?= embedded
PYTHONS ?= py311,py312,py313
DO ?= make test
FOR ?= 60
RATE ?= 50
SLACK ?= 1
IN_RUN := .venv/local/bin/python -m verification
IN_CLUSTER := .venv/verify/bin/python -m verification
TOX := .venv/tools/bin/tox run --quiet

.DEFAULT_GOAL := help
.PHONY: help run send traffic up verify status down test extras newcomer property pythons coverage integration faults restarts soak stress mutations e2e pictures fuzz streams bench profile lint docs lock newest clean

help: ## List the verbs
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## */\1\t/' | expand -t 12

run: .venv/local/ok ## Start Kafka, the ingest on :8080 and the consumer; PLAIN=1 shows log lines; Ctrl-C stops
	@$(IN_RUN) run $(if $(PLAIN),--plain)

send: .venv/local/ok ## Post the samples to what `make run` started and print what came back
	@$(IN_RUN) send

traffic: .venv/local/ok ## Send realistic requests, some broken: RATE=50 a second, FOR=60 s, SEED=1, MIX=video=9,broken=5
	@$(IN_RUN) traffic --rate $(RATE) --for $(FOR) $(SEED:%=--seed %) --mix '$(MIX)'

up: .venv/verify/ok ## Make a kind cluster, deploy everything to it, print the `curl` line and leave it running
	@$(IN_CLUSTER) up

verify: .venv/verify/ok ## Prove in a kind cluster that everything works; reports in .verification/; KEEP=1 leaves the cluster
	@$(IN_CLUSTER) verify $(if $(KEEP),--keep)

status: .venv/local/ok ## Show what runs (here or in the cluster), topics, lag and its direction, the last decisions
	@$(IN_RUN) status

down: .venv/verify/ok ## Remove the cluster
	@$(IN_CLUSTER) down

test: .venv/tools/ok ## Check the code, and run every test that needs no cluster
	$(TOX)

extras: .venv/tools/ok ## Run what `test` leaves out where Docker, Chromium, Prometheus or kubectl is missing
	$(TOX) -e extras

newcomer: ## Clone this into a bare Python container and do DO='make test' there, as an ordinary user
	docker build --quiet --tag rtb/newcomer - <.ci/Dockerfile.newcomer
	docker run --rm --volume '$(CURDIR):/origin:ro' --env SSL_CERT_FILE --env REQUESTS_CA_BUNDLE rtb/newcomer "git clone -q /origin rtb && cd rtb && $(DO)"

property: .venv/tools/ok ## Hold 20,000 generated requests against both ways to check them
	$(TOX) -e property

pythons: .venv/tools/ok ## Run the units and properties on other Pythons, PYTHONS=py311,py312,py313
	$(TOX) -e $(PYTHONS)

coverage: .venv/tools/ok ## Measure which branches of the services units and integration tests reach
	$(TOX) -e coverage

fuzz: .venv/tools/ok ## Look for bodies that the reader or the validator gets wrong, FOR=60 seconds
	$(TOX) -e fuzz -- $(FOR)

streams: .venv/tools/ok ## Compare our worker with gunicorn's own on mutated requests, FOR=60 seconds, SEED=
	$(TOX) -e streams -- --for=$(FOR) $(SEED:%=--seed=%)

integration: .venv/tools/ok ## Run the integration tests alone, KAFKA=embedded|docker|HOST:PORT
	$(TOX) -e test -- tests/services/integration tests/run --kafka=$(KAFKA)

faults: .venv/tools/ok ## Break everything around both services and count what is lost, KAFKA as above
	$(TOX) -e faults -- --kafka=$(KAFKA)

restarts: .venv/tools/ok ## Send 20,000 requests through nginx and HAProxy while workers and server are restarted
	$(TOX) -e restarts -- --kafka=$(KAFKA)

stress: .venv/tools/ok ## Run tests (TEST=path or expression) while their processes stop at random, FOR=60 seconds or 3x, SEED=
	$(TOX) -e stress -- --for=$(FOR) $(SEED:%=--seed=%) "$(TEST)"

soak: .venv/tools/ok ## Half load with a fault every 15 s, FOR=600 seconds: nothing lost, nothing grows
	$(TOX) -e soak -- $(FOR)

mutations: .venv/tools/ok ## Break the promises in the code and see that tests notice; OF=unit: those of these tests alone
	$(TOX) -e mutations -- $(OF)

e2e: .venv/tools/ok ## Test checks, faults and the runbook in a kind cluster (BUT='CATEGORY or ...': not those)
	$(TOX) -e e2e -- $(if $(BUT),-k "not ($(BUT))")

pictures: .venv/tools/ok ## Draw for docs/ the architecture, the report of the last `make verify`, the live view, the API page
	$(PYTHON) -m docs.diagram
	$(TOX) -e test -- tests/report -k pictures --pictures=$(CURDIR)/docs/pictures --report=$(CURDIR)/.verification/report.html
	$(TOX) -e test -- tests/services/integration/app -k tried_out --pictures=.verification/pictures && cp .verification/pictures/api.png docs/pictures

bench: .venv/tools/ok ## Measure ours against its peers and what validation costs; SLACK=2: in short, fails where costs double
	$(TOX) -e bench -- --slack $(SLACK)

profile: .venv/tools/ok ## Draw flame graphs of a worker and of the consumer under load, in .verification/profiles
	$(TOX) -e profile

lint: .venv/tools/ok ## Check style, types, imports and generated docs
	$(TOX) -e lint

docs: .venv/tools/ok ## Write the generated parts of docs/ anew
	$(TOX) -e docs

lock: .venv/tools/ok ## Pin every dependency with hashes in requirements/
	@for group in ingest consumer tracing local bench verify test fuzz lint tools; do $(LOCK) --group pyproject.toml:$$group -o requirements/$$group.txt || exit 1; done

newest: .venv/tools/ok ## See that what `run` and `test` install is there for Python 3.14 and 3.15, too
	@for version in 3.14 3.15; do for group in local lint tools; do $(PYTHON) -m pip install --quiet --dry-run --ignore-installed --target .tox/newest --python-version $$version --only-binary :all: --require-hashes -r requirements/$$group.txt || exit 1; done; done

clean: ## Remove everything that the other verbs made here
	@[ ! -e .venv/local/ok ] || $(IN_RUN) clean
	rm -rf .venv .tox .data .verification .coverage* .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/%/ok: requirements/%.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("needs Python 3.11 or newer: make PYTHON=python3.13")'
	@$(PYTHON) -m venv --clear $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

LOCK := .venv/tools/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header --no-strip-extras
