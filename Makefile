# Each target does everything from a bare checkout: the environment is made when it is missing or older than its inputs.
PYTHON ?= python3
BIN := .venv/bin
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
TORCHVISION := $(shell sed -n 's/^torchvision==//p' constraints.txt)
TIMM := $(shell sed -n 's/^timm==//p' constraints.txt)
GPU := $(or $(shell command -v nvidia-smi 2>/dev/null),$(shell command -v rocm-smi 2>/dev/null))
# Without a GPU the CPU build saves 3 GB; where that index cannot be reached, pip goes on with what it finds elsewhere.
CPU := $(if $(GPU),,--extra-index-url https://download.pytorch.org/whl/cpu --retries 0)
SPEC ?= specs/resnet.arch:ResNet50
OUT ?= build
PYTEST_ARGS ?=
# A process for each core, up to four: each one imports PyTorch, and small tensors gain nothing from threads.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=4 --dist worksteal
BENCH_ARGS ?=
# pytest exits 5 where it finds no test; for the oracle selection that is no failure.
NONE_IS_FINE := || { rc=$$?; [ $$rc -eq 5 ] || exit $$rc; }

.PHONY: help demo test test-slow test-oracles zoo lint format bench clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'

.venv/.ok: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "archdsl needs Python 3.11 or newer: make PYTHON=python3.12 demo" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv || { echo "venv is missing (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "installing into .venv: some minutes, once" >&2
	@$(BIN)/python -m pip install -q -U "pip>=25.1"
	@$(BIN)/python -m pip install -q --no-deps torch==$(TORCH) $(CPU)
	@$(BIN)/python -m pip install -q -c constraints.txt -e ".[all]" --group dev
	@$(BIN)/python -m compileall -q archdsl
	@touch $@

.venv/.oracles: .venv/.ok
	@$(BIN)/python -m pip install -q -c constraints.txt --group oracles
	@$(BIN)/python -m pip install -q --no-deps torchvision==$(TORCHVISION) timm==$(TIMM) $(CPU)
	@touch $@

demo: .venv/.ok ## check, draw, compile and prove ResNet-50 (SPEC=file.arch:Arch for another)
	$(BIN)/archdsl check $(SPEC)
	$(BIN)/archdsl draw $(SPEC) -o $(OUT)/diagram.svg
	$(BIN)/archdsl compile $(SPEC) -o $(OUT)
	$(BIN)/archdsl verify $(SPEC)

test: .venv/.ok ## the tests: some minutes
	$(PYTEST) -m "not oracle and not slow" --ignore=tests/oracles $(PYTEST_ARGS)

test-slow: .venv/.ok ## those that take long each: torch.compile, large samples of random programs
	$(PYTEST) -m "slow and not oracle" --ignore=tests/oracles $(PYTEST_ARGS)

test-oracles: .venv/.oracles ## against torchvision, timm and transformers
	$(PYTEST) -m oracle $(PYTEST_ARGS) $(NONE_IS_FINE)

zoo: .venv/.oracles ## every architecture against its reference, one line each, into docs/zoo.md (minutes)
	$(BIN)/archdsl zoo verify specs gallery -o docs/zoo.md

lint: .venv/.ok ## ruff, mypy --strict, the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-cache

format: .venv/.ok ## let ruff format and mend the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.oracles ## the benchmarks: ratios measured side by side (BENCH_ARGS=--quick, or a topic)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

clean: ## remove what was built (the environment stays)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
