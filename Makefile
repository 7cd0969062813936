# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Each makes a virtual environment in .venv first, if there is none.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO ?= runs/demo
# How much `make reliability` tries: TIER=quick in three minutes.
TIER ?= full
# What `make reproduce` and `make bench` are told: ARGS="--dry-run".
ARGS ?=

# tensorflow-cpu is a quarter of the size, but exists for x86-64 Linux and Windows only.
TENSORFLOW := $(shell $(PYTHON) -c "import platform as p; print('tensorflow-cpu' if p.machine() in ('x86_64', 'AMD64') and p.system() != 'Darwin' else 'tensorflow')")

.PHONY: demo test lint docs conformance reliability bench reproduce clean

demo: $(VENV)/package
	$(BIN)/keras-fcn train --dataset shapes --weights none --topology same --width 0.125 \
		--dropout 0 --scale-range 0.8 1.25 --lr 1e-3 --batch-size 4 --epochs 10 \
		--run-dir $(DEMO)
	$(BIN)/keras-fcn evaluate $(DEMO)
	@echo "Pictures to look at: $(DEMO)/pictures"

test: $(VENV)/test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell

docs: $(VENV)/docs
	$(BIN)/sphinx-build -W --keep-going -b html docs build/docs
	$(BIN)/python docs/check_links.py build/docs
	@echo "Pages to read: build/docs/index.html"

# The full tier: 2,000 examples of each property, and every public case. What asks Keras
# runs on each backend, the rest once. On a CPU TensorFlow dilates through oneDNN only.
KERAS_FILES = tests/property/test_keras_transposed.py \
	tests/conformance/test_keras_conversions.py
OTHER_FILES = tests/property/test_transposed_properties.py \
	tests/property/test_gradient_identity.py \
	tests/conformance/test_transposed_conformance.py \
	tests/conformance/test_conversions.py \
	tests/conformance/test_mutants.py \
	tests/conformance/test_onnx_faults.py \
	tests/conformance/test_upstream_faults.py

conformance: export TF_ENABLE_ONEDNN_OPTS = 1
conformance: export TF_CPP_MIN_LOG_LEVEL = 2
conformance: $(VENV)/conformance
	rm -rf build/conformance
	for backend in tensorflow jax torch; do \
		if [ $$backend = tensorflow ]; then other="$(OTHER_FILES)"; else other=; fi; \
		KERAS_BACKEND=$$backend $(BIN)/python -m pytest $(KERAS_FILES) $$other \
			--require-backends --hypothesis-profile full --numprocesses auto \
			--report build/conformance/$$backend.json || exit 1; \
	done
	$(BIN)/python -m tests.conformance.summary build/conformance/*.json \
		--write docs/conformance_report.md

# Everything that must not lose a run or be hurt by a file, and every mistake that a test
# must notice; 20 minutes on two cores. ARGS="--write-table docs/reliability.md" keeps
# the table.
FAULTS_full = fault or mutant
FAULTS_quick = fault and not slow

reliability: export TF_CPP_MIN_LOG_LEVEL = 2
reliability: $(VENV)/test
	$(BIN)/python -m pytest -p tests.reliability.table -m "$(FAULTS_$(TIER))" tests \
		--numprocesses auto --dist worksteal $(ARGS)

# Half an hour on two cores that do nothing else; ARGS="--quick" in two minutes.
bench: $(VENV)/conformance
	$(BIN)/python benchmarks/bench.py $(ARGS)

# Days on Linux with an NVIDIA GPU. tensorflow-cpu sees none: an environment of its own.
reproduce: $(VENV)-gpu/package
	$(VENV)-gpu/bin/python benchmarks/reproduce.py $(ARGS)

$(VENV)/package: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[$(TENSORFLOW)]"
	touch $@

$(VENV)-gpu/package: pyproject.toml
	$(PYTHON) -m venv $(VENV)-gpu
	$(VENV)-gpu/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-gpu/bin/python -m pip install --quiet --editable ".[tensorflow]" "tensorflow[and-cuda]"
	touch $@

$(VENV)/test: $(VENV)/package
	$(BIN)/python -m pip install --quiet --editable ".[$(TENSORFLOW),datasets,hub,tensorboard]" --group test
	touch $@

# Types are checked against the packages of `export` too.
$(VENV)/lint: $(VENV)/test
	$(BIN)/python -m pip install --quiet --editable ".[$(TENSORFLOW),datasets,export,hub,tensorboard]" --group lint
	touch $@

$(VENV)/docs: $(VENV)/package
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

$(VENV)/conformance: $(VENV)/test
	$(BIN)/python -m pip install --quiet --group conformance
	touch $@

$(VENV)/browser: $(VENV)/test
	$(BIN)/python -m pip install --quiet --group browser
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build/docs build/conformance build/bench
