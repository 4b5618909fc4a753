# Everything the project needs, from a fresh clone: Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run demo test bench format clean

run: .venv/ready
	@$(BIN)/ambrosio run

demo: .venv/ready
	@$(BIN)/ambrosio demo

# The one gate: .ci/run calls it too.
test: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto
	$(BIN)/python tests/wheel.py

bench: .venv/ready
	@$(BIN)/python -m ambrosio.bench

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
