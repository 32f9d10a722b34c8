# The commands of this project. `make help` lists them.
#
#   PYTHON=python3.12      which Python sets .venv up (3.11 or newer); default python3
#   TORCH_INDEX_URL=URL    where PyTorch comes from, when PyPI's build is not the one you want
#   HOST=… PORT=…          where `make run` serves; default 127.0.0.1 and 7860
#   EVALDATA=FOLDER        public question sets that `make bench` also measures on
#   CHROMIUM=PATH          the browser the tests drive; default the first one found

SHELL = /bin/sh
.DEFAULT_GOAL = help
.PHONY: help run test check bench reader soak pictures clean

PYTHON ?= python3
venv = .venv/bin/python
setup = "$(PYTHON)" -c 'import pathlib' 2>/dev/null || { echo "$(PYTHON) is not a Python 3.11 or newer." >&2; exit 1; }; \
	"$(PYTHON)" scripts/setup.py
# Two processes, since tests wait as often as they work; those of one file stay together, those of the page come last.
together = -n 2 --dist loadfile --no-loadscope-reorder
export TORCH_INDEX_URL CHROMIUM

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

run: ## set up .venv, publish corpus/, serve the chat on http://127.0.0.1:7860
	@$(setup) run
	@$(venv) ingest.py
	@$(venv) app.py $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)")

test: ## set up .venv and a browser, run every test (ARGS="-k chunk" for some)
	@$(setup) test
	@$(venv) -m pytest $(together) $(ARGS)

check: ## style, types and layers: ruff, mypy, import-linter
	@$(setup) check
	@echo "ruff: style and docstrings"
	@$(venv) -m ruff check .
	@$(venv) -m ruff format --check .
	@echo "mypy: types"
	@$(venv) -m mypy
	@echo "import-linter: layers"
	@.venv/bin/lint-imports --no-logo

bench: ## how fast it is, measured on this machine; writes docs/performance.md (ARGS="--only start --quick")
	@$(setup) check
	@PYTHONPATH=bench $(venv) -m performance $(if $(EVALDATA),--data "$(EVALDATA)") $(ARGS)

reader: ## train the reader anew on training/data: an hour and a half on two cores
	@$(setup) check
	@set -e; for script in training/train.py training/export.py training/about.py; do $(venv) $$script; done

pictures: ## make the README's pictures anew
	@$(setup) test
	@$(venv) docs/make_pictures.py
	@$(venv) docs/make_demo.py
	@$(venv) docs/make_widget_pictures.py
	@$(venv) docs/make_desk_pictures.py
	@$(venv) docs/make_preview.py
	@$(venv) docs/make_model_picture.py
	@$(venv) docs/make_owner_picture.py

soak: ## the long tests
	@$(setup) test
	@$(venv) -m pytest -m soak $(ARGS)

clean: ## remove what the checks and builds leave; .venv and the published guide stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench docs scripts -name __pycache__ -type d -prune -exec rm -rf {} +
	find src -name '*.egg-info' -type d -prune -exec rm -rf {} +
