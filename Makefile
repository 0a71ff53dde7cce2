# Every target sets up what it needs: a machine with Python 3.11 or newer, venv and make is enough.
#
#   PYTHON=python3.13   the interpreter that makes the environment
#   VENV=.venv-3.13     where the environment is
#   JOBS=0              how many processes run the unit tests (auto: one per core; 0: in this one)
#   ARGS="-k close -x"  passed on to pytest, or to estab by `make demo`

VENV ?= .venv
JOBS ?= auto
SEED ?= 1
DIST ?= dist
ROUNDS ?= 20
BIN = $(VENV)/bin

# An environment that exists is used as it is, so an explicit PYTHON has to agree with it.
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
ifdef PYTHON
ifneq ($(wildcard $(BIN)/python),)
FOUND := $(shell $(BIN)/python $(VERSION))
ifneq ($(shell $(PYTHON) $(VERSION)),$(FOUND))
$(error $(VENV) holds Python $(FOUND), which $(PYTHON) is not: name another place, as in VENV=.venv-other)
endif
endif
endif
PYTHON ?= python3

# The stamps carry a checksum of what was installed: new pins install again, a new checkout time does not.
PINS := $(shell cat requirements/dev.txt pyproject.toml setup.py | cksum | cut -d ' ' -f 1)
DEV := $(VENV)/.dev-$(PINS)
CLI := $(VENV)/.cli-$(PINS)
# Here the wheel is installed, and it is made again whenever what it is made of changes.
CORE := $(shell find src -name '*.py' -o -name '*.c' | LC_ALL=C sort | xargs cat | cksum | cut -d ' ' -f 1)
INSTALLED := $(VENV)-compiled/.compiled-$(PINS)-$(CORE)
# A copy of the compiled form that counts where it goes, and what it has counted.
PROFILE := $(abspath $(VENV))/profile
LAYERS_VENV := .venv-layers
LAYERS := $(LAYERS_VENV)/.made-$(shell cat requirements/dev.txt requirements/layers.txt | cksum | cut -d ' ' -f 1)
PIP = $(BIN)/python -m pip --disable-pip-version-check
INSTALL = $(PIP) install --quiet
WHEEL = $(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-compiled demo test test-compiled lint types unit interop interop-loss campaign req-mutants docs bench bench-peers bench-layers bench-loss explore explore-deep goodput fairness repairs bench-path measured pictures pins wheel wheel-pure clean distclean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile

setup: $(DEV) ## Make the development environment in $VENV

setup-compiled: $(INSTALLED) ## Compile, and install that into an environment of its own, $VENV-compiled

demo: $(CLI) ## Run the main job: a file over TCP, simulated and against the kernel
	$(BIN)/estab demo $(ARGS)

test: lint types unit interop ## Everything that must pass
	ESTAB_LOSS=0.1 $(BIN)/python -m pytest -q "tests/interop/test_close.py::test_we_close_first"

test-compiled: $(INSTALLED) ## All tests on the compiled form
	$(ON_COMPILED) -n $(JOBS) --dist worksteal --ignore tests/interop $(ARGS)
	$(ON_COMPILED) tests/interop $(ARGS)

lint: $(DEV) ## Style and common mistakes
	$(BIN)/ruff check

types: $(DEV) ## Strict types of src
	$(BIN)/mypy

unit: $(DEV) ## All tests that need no peer, on every core
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --ignore tests/interop $(ARGS)

# One at a time: these talk to a real kernel in real time.
interop: $(DEV) ## The tests against the kernel's TCP; what the machine lacks is skipped with a hint
	$(BIN)/python -m pytest -q tests/interop $(ARGS)

interop-loss: $(DEV) ## The same with our end losing 2 % and 10 % of all packets, both ways
	ESTAB_LOSS=0.02 $(BIN)/python -m pytest -q tests/interop $(ARGS)
	ESTAB_LOSS=0.1 $(BIN)/python -m pytest -q tests/interop $(ARGS)

campaign: $(DEV) ## Property tests with other seeds: SEED=1 ROUNDS=20
	@seed=$(SEED); last=$$((seed + $(ROUNDS) - 1)); while [ $$seed -le $$last ]; do \
	    echo "seed $$seed of $$last"; \
	    $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m hypothesis \
	        --hypothesis-profile=campaign --hypothesis-seed=$$seed $(ARGS) \
	        || { echo "again: make campaign SEED=$$seed ROUNDS=1"; exit 1; }; \
	    seed=$$((seed + 1)); done

req-mutants: $(DEV) ## Take away what meets each requirement; its tests must fail. ARGS="RFC9293-MUST-10"; JSON=1
	@$(BIN)/python -m tests.mutants $(if $(JSON),--json) $(ARGS)

bench: $(DEV) ## Measure and print the README's figures; JSON=1 for one JSON line
	@$(BIN)/python -m bench $(if $(JSON),--json)

bench-peers: $(DEV) ## estab beside other stacks on TUN, 40 minutes; QUICK=1 for 5; JSON=1 for one JSON line
	@$(BIN)/python -m bench.peers $(if $(QUICK),--quick) $(if $(JSON),--json) $(ARGS)

bench-layers: $(LAYERS) ## What each layer costs by itself, with pytest-benchmark. ARGS="-k parse"
	$(LAYERS_VENV)/bin/python -m pytest -q -p no:xdist --benchmark-columns=median,iqr,ops bench/layers $(ARGS)

bench-loss: $(DEV) ## estab beside the kernel on lossy paths, 20 minutes; QUICK=1 for 5; JSON=1 for one JSON line
	@$(BIN)/python -m bench.loss $(if $(QUICK),--quick) $(if $(JSON),--json)

explore: $(DEV) ## Every interleaving of every scenario, with and without its defences; JSON=1 for one JSON line
	@$(BIN)/estab explore all $(if $(JSON),--json) $(ARGS)

explore-deep: $(DEV) ## More faults: two losses and a duplicate, open and close with a delay too; some minutes
	@$(BIN)/estab explore all --deep $(if $(JSON),--json) $(ARGS)

goodput: $(DEV) ## Make the goodput table anew, in the simulator; ARGS="bbr 100ms loss=1% 10M" for some cells
	$(BIN)/python -m tests.goodput $(ARGS)

fairness: $(DEV) ## Flows that share a bottleneck: the table, in the simulator; then estab beside the kernel, as root
	$(BIN)/python -m tests.fairness
	$(BIN)/python -m bench.rivals

repairs: $(DEV) ## How long repairs take, what reordering and holes cost: the tables, in the simulator
	$(BIN)/python -m tests.repairs

bench-path: $(DEV) ## What `estab path` carries in real time, and how late it is, as root; JSON=1 for one JSON line
	@$(BIN)/python -m bench.path $(if $(JSON),--json)

measured: $(DEV) ## What docs/lossy-paths.md says about real time: bench-path, bench-loss, rivals; half an hour, as root
	@mkdir -p docs/measured
	$(BIN)/python -m bench.path --json >docs/measured/new && mv docs/measured/new docs/measured/path.json
	$(BIN)/python -m bench.rivals --json >docs/measured/new && mv docs/measured/new docs/measured/rivals.json
	$(BIN)/python -m bench.loss --json >docs/measured/new && mv docs/measured/new docs/measured/loss.json
	$(BIN)/python -m docs.make_lossy_paths

docs: $(DEV) ## Write the generated pages of docs/: the requirement map, the state diagram, lossy paths
	$(BIN)/python -m docs.make_rfc_map
	$(BIN)/python -m docs.make_states
	$(BIN)/python -m docs.make_lossy_paths

pictures: $(DEV) ## Draw the pictures of docs/lossy-paths.md anew, in virtual time
	$(BIN)/python -m docs.make_pictures

pins: ## Pin the newest versions of all we depend on
	@$(check_python)
	$(PYTHON) -m venv .venv-pins
	.venv-pins/bin/python -m pip --disable-pip-version-check install --quiet --upgrade uv
	.venv-pins/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-annotate \
	    --custom-compile-command 'make pins' --output-file requirements/dev.txt \
	    --extra cli --extra plot --extra packetdrill --extra dask pyproject.toml requirements/dev.in

wheel-pure: $(DEV) ## Build the pure one only
	@rm -rf build
	ESTAB_FORM=pure $(WHEEL) $(DIST) .

# The second build finds what the first recorded by the names of the objects, so both are made here.
wheel: wheel-pure ## Build two wheels in $DIST (dist): pure, and compiled for this Python by what a training run did
	@rm -rf build $(PROFILE)
	ESTAB_FORM=compiled ESTAB_PROFILE=record:$(PROFILE)/counts $(WHEEL) $(PROFILE) .
	@$(INSTALL) --no-deps --target $(PROFILE)/site $(PROFILE)/*.whl
	PYTHONPATH=$(PROFILE)/site $(BIN)/python -m bench.training
	@rm -rf build
	ESTAB_FORM=compiled ESTAB_PROFILE=use:$(PROFILE)/counts $(WHEEL) $(DIST) .

clean: ## Remove what builds and tests leave behind
	rm -rf build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environments too
	rm -rf $(VENV) $(VENV)-compiled .venv-pins $(LAYERS_VENV) .bench-peers

define check_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "estab needs Python 3.11 or newer, and $(PYTHON) is not: name one, as in PYTHON=python3.12" >&2; exit 1; }
endef

# A venv without pip is what a machine without ensurepip leaves behind: made again.
define make_venv
$(check_python); \
    { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV); } && \
    echo "installing the pinned packages into $(VENV)" >&2
endef

ON_COMPILED = ESTAB_FORM=compiled $(VENV)-compiled/bin/python -m pytest -q --override-ini pythonpath=.

$(DEV):
	@$(make_venv)
	@$(INSTALL) --requirement requirements/dev.txt
	@ESTAB_FORM=pure $(INSTALL) --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.dev-* && touch $@

$(LAYERS):
	@$(check_python)
	$(PYTHON) -m venv $(LAYERS_VENV)
	$(LAYERS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet \
	    --constraint requirements/dev.txt --requirement requirements/layers.txt pytest
	@rm -f $(LAYERS_VENV)/.made-* && touch $@

$(CLI):
	@$(make_venv)
	@$(INSTALL) --constraint requirements/dev.txt setuptools
	@ESTAB_FORM=pure $(INSTALL) --constraint requirements/dev.txt --no-build-isolation --editable '.[cli]'
	@rm -f $(VENV)/.cli-* && touch $@

# Made from a copy, so that nothing is left of an earlier build, and the tests of another environment may run beside it.
# A VENV of the command line would else win over this one.
$(INSTALLED): override VENV := $(VENV)-compiled
$(INSTALLED):
	@$(make_venv)
	@$(INSTALL) --requirement requirements/dev.txt
	@rm -rf $(VENV)/source $(VENV)/wheel; mkdir $(VENV)/source; cp -r LICENSE README.md pyproject.toml setup.py src $(VENV)/source
	@rm -rf $(VENV)/source/src/*.egg-info; echo "compiling wire, tcp, stack and carriers" >&2
	@ESTAB_FORM=compiled $(WHEEL) $(VENV)/wheel $(VENV)/source
	@$(INSTALL) --no-deps --force-reinstall $(VENV)/wheel/*.whl
	@rm -f $(VENV)/.compiled-* && touch $@
