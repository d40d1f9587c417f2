# make run      install into .venv and classify examples/ (AUDIO=my.wav for your own)
# make test     install what tests need and run them
# make check    what CI runs: lint, format, types, tests
# make format   let ruff rewrite the code

VENV ?= .venv
PYTHON ?= python3
AUDIO ?= examples
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q -c constraints.txt

.PHONY: run test check format clean

run: $(VENV)/.core
	$(BIN)/paraclap classify "$(AUDIO)" -q "a man speaks" -q "a woman speaks"
	$(BIN)/paraclap classify "$(AUDIO)" --task emotion

test: $(VENV)/.dev
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) test

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "tests use openSMILE, whose licence allows research, education and other non-commercial use only"
	$(PIP) -e ".[dev]"
	touch $@
