# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Each makes a virtual environment in .venv first, if there is none.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO ?= runs/demo

# tensorflow-cpu is a quarter of the size, but exists for x86-64 Linux and Windows only.
TENSORFLOW := $(shell $(PYTHON) -c "import platform as p; print('tensorflow-cpu' if p.machine() in ('x86_64', 'AMD64') and p.system() != 'Darwin' else 'tensorflow')")

.PHONY: demo test lint docs clean

demo: $(VENV)/package
	$(BIN)/keras-fcn train --dataset shapes --weights none --topology same --width 0.125 \
		--dropout 0 --scale-range 0.8 1.25 --lr 1e-3 --batch-size 4 --epochs 10 \
		--run-dir $(DEMO)
	$(BIN)/keras-fcn evaluate $(DEMO)
	@echo "Pictures to look at: $(DEMO)/pictures"

test: $(VENV)/test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell

docs: $(VENV)/docs
	$(BIN)/sphinx-build -W --keep-going -b html docs build/docs
	@echo "Pages to read: build/docs/index.html"

$(VENV)/package: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[$(TENSORFLOW)]"
	touch $@

$(VENV)/test: $(VENV)/package
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/lint: $(VENV)/test
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/docs: $(VENV)/package
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build/docs
