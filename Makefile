# Every command of the project. `make` alone lists them.
PYTHON ?= python3
DATASET ?= samples
OUTPUT ?= output
PORT ?= 8000
STUDIES ?=
SEND ?=
STORE ?=
NODE ?=
# Processes of the tests; each has a PACS, a server and a browser of its own.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell sed -n 's/^torch==//p' requirements.txt)
CPU_WHEELS := https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help setup demo serve node test lint lint-js clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 - \2/p' Makefile

setup: $(VENV)/.setup ## make .venv with all that the bundle needs

demo: $(VENV)/.setup ## separate the bones of the joints in samples/ (or DATASET=...) into output/ (or OUTPUT=...)
	$(BIN)/python -W 'ignore:parsing config_file' -m monai.bundle run --config_file configs/inference.json \
	    --dataset_dir $(DATASET) --output_dir $(OUTPUT)

serve: $(VENV)/.setup-serving ## PACS, MONAI Label and OHIF at 127.0.0.1:8000 (or PORT=...), with two drawn hands (or STUDIES=URL of a PACS)
	@$(BIN)/python -m serving --port $(PORT) $(if $(STUDIES),--studies $(STUDIES))

node: $(VENV)/.setup-serving ## DICOM node at 127.0.0.1:11112, results to SEND=AET@host:port or STORE=URL (more in NODE='--aet ...')
	@$(BIN)/python -m serving.node $(if $(SEND),--send-to $(SEND)) $(if $(STORE),--store $(STORE)) $(NODE)

# A process that dies ends the run, which names its test: xdist would start another, and wait for ever at the end.
test: lint ## run all checks: lint, types, tests with coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov --numprocesses $(WORKERS) --dist loadfile --max-worker-restart 0 \
	    --durations 40

lint: $(VENV)/.setup-test ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npm >/dev/null 2>&1; then \
	    $(MAKE) --no-print-directory lint-js; \
	else \
	    echo "npm is missing: the JavaScript in serving/ohif was not checked"; \
	fi

lint-js: node_modules/.package-lock.json
	npm run --silent lint

clean: ## remove .venv, node_modules and caches; results (output, eval, runs) stay
	rm -rf $(VENV) node_modules .pytest_cache .hypothesis .mypy_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 has no ensurepip unless python3-venv is installed: then the pip at hand puts one into .venv.
$(VENV)/.setup: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@echo "Making $(VENV): a few minutes, once."
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || { \
	    $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	    $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; }
	@if command -v nvidia-smi >/dev/null 2>&1; then \
	    $(INSTALL) torch==$(TORCH); \
	else \
	    $(INSTALL) torch==$(TORCH)+cpu 2>/dev/null || \
	    $(INSTALL) --retries 1 --timeout 20 --extra-index-url $(CPU_WHEELS) torch==$(TORCH)+cpu 2>/dev/null || \
	    $(INSTALL) torch==$(TORCH); \
	fi
	@$(INSTALL) --requirement requirements.txt
	@touch $@

$(VENV)/.setup-serving: $(VENV)/.setup requirements-serving.txt $(wildcard serving/stand_ins/*/*)
	@$(INSTALL) --requirement requirements.txt --requirement requirements-serving.txt
	@touch $@

$(VENV)/.setup-test: $(VENV)/.setup-serving requirements-test.txt
	@$(INSTALL) --requirement requirements-test.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@npm ci --loglevel=error --engine-strict --no-audit --no-fund
	@touch $@
