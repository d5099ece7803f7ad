# Two commands for a newcomer: `make demo` and `make test`. Both set up everything they need in .venv.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Portable code: -march=native has produced binaries that die on another CPU of the same family.
export CMAKE_ARGS ?= -DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF

.PHONY: help demo test soak lint bench train eval eval-classification screenshots clean setup model

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ —/'

# The environment is made anew only when its ingredients change.
.venv/.ready: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing. The first time llama-cpp-python is compiled, which takes some minutes; pip keeps the result."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[model,test,lint]'
	@touch $@

setup: .venv/.ready ## the virtual environment with everything in it

.build/models/active.json: .venv/.ready
	@mkdir -p .build
	@$(BIN)/python -c "from pathlib import Path; from vault.models.store import ModelStore; ModelStore(Path('.build/models')).install_default()"

model: .build/models/active.json ## the local model, for the demo and the tests

demo: model ## a throw-away vault with the example notes: import, classify, search
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

test: model ## all tests, at their small figures
	@bash tests/system-packages.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

soak: model ## the long tests, at their large figures, and the benchmarks
	@bash tests/system-packages.sh
	@$(BIN)/python -m pytest -m soak --timeout 0 $(ARGS)
	@$(BIN)/python bench/run.py

lint: setup ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: model ## measures as ratios within one run
	@$(BIN)/python bench/run.py $(ARGS)

train: setup ## the head's weights, bit for bit, from the committed vectors and peaks
	@$(BIN)/python bench/head/train.py

eval: model ## how well search finds: recall and rank by kind and leg (ARGS="--set PATH")
	@$(BIN)/python bench/eval/run.py $(ARGS)

eval-classification: model ## how well texts are classified, on the corpus and on a set (ARGS="--set FILE")
	@$(BIN)/python bench/head/evaluate.py $(ARGS)

screenshots: model ## pictures of the app, into docs/pictures
	@$(BIN)/python bench/pictures.py

clean: ## everything that is not in git
	rm -rf .venv .build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
