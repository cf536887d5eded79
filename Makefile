# make demo   install netc beside this file, compile the MNIST example and train it
# make test   every test          make lint   the style          make bench   the figures
#             with netc beside its peers in ten minutes; BENCH="--time 99 --only cnn-32" for less
# make docs   measure how costs grow with the work: docs/scaling.md
# make gpu    the tests and figures that need a GPU, in under ten minutes
#
# Needs Python 3.11 or newer, a C compiler and a package index; the rest is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test lint bench docs gpu clean

demo: .venv/netc
	$(BIN)/netc compile examples/mnist.net
	$(BIN)/netc train

test: .venv/netc-test
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/netc-test
	$(BIN)/python -m ruff check .

bench: .venv/netc
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/peers/compare.py --page docs/peers.md $(BENCH)

docs: .venv/netc
	$(BIN)/python benchmarks/scaling.py docs

# What only a GPU can tell; with the system's own Python, for the PyTorch that is installed there.
gpu:
	$(PYTHON) benchmarks/gpu/check.py

clean:
	rm -rf build dist *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/netc: $(BIN)/python pyproject.toml
	$(PIP) --editable .
	touch $@

.venv/netc-test: $(BIN)/python pyproject.toml
	$(PIP) --editable '.[test]'
	touch $@
