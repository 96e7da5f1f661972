# The two commands are `make book` and `make test`; `make help` lists the rest.
SHELL := /bin/sh

# Which Python makes .venv; the first suitable one where you name none.
PYTHON ?=
# PyTorch's builds for the CPU, used where the address answers (empty: never).
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# Pages are served here.
PORT ?= 8000
# Chapters tested at a time.
JOBS ?= 2
# What `make bench` measures.
PART ?= native recurrences engines fit memory

VENV := .venv/bin/python

# .venv's own Python once it is there; else PYTHON, else the newest-but-tested one, else any that can say what is wrong
define install
@python="$(VENV)"; [ -x "$$python" ] || python="$(PYTHON)"; \
if [ -z "$$python" ]; then for try in python3.11 python3.12 python3.13 python3 python; do \
  if $$try -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then python=$$try; break; fi; done; fi; \
if [ -z "$$python" ]; then for try in python3 python; do \
  if $$try -c '' 2>/dev/null; then python=$$try; break; fi; done; fi; \
if [ -z "$$python" ]; then echo 'No Python found. Install Python 3.11, or say where it is: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; fi; \
TORCH_INDEX="$(TORCH_INDEX)" "$$python" tools/install.py $(1)
endef

.PHONY: help book test install data lab record serve bench clean

help:  ## what there is (this)
	@echo 'make book builds the pages, make test runs every notebook and test. Also:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book:  ## build the pages into _build/html (installs no framework)
	$(call install,book)
	@$(VENV) -m tools.build

test:  ## run all tests and every notebook against its recorded outputs
	$(call install,test)
	@$(VENV) -m pytest -q -n $(JOBS) --dist loadfile $(TESTS)

install:  ## make .venv with everything: both frameworks, pages, tests, JupyterLab
	$(call install,all)
	@echo 'Ready: .venv/bin/python'

data:  ## fetch and verify every data set, print the licences (DATA="name ..." for some)
	$(call install,core)
	@$(VENV) -m rnnlib data $(DATA)

lab:  ## open the chapters as notebooks in JupyterLab
	$(call install,lab)
	@$(VENV) -m tools.lab

record:  ## run chapters and keep their outputs (CH="name ..." for some, STALE=1 for what a change has aged)
	$(call install,test)
	@$(VENV) -m tools.record $(if $(filter-out 0,$(STALE)),--stale) $(CH)

serve:  ## build the pages and serve them at http://localhost:8000 (PORT=...)
	$(call install,book)
	@$(VENV) -m tools.build
	@$(VENV) -m http.server --bind localhost --directory _build/html $(PORT)

bench:  ## time engines, training and memory (PART="engines fit memory native recurrences", all by default)
	$(call install,test)
	@for part in $(PART); do $(VENV) -m benchmarks.$$part || exit 1; done

clean:  ## remove what was built (.venv, data and recorded outputs stay)
	rm -rf _build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find rnnlib tools tests benchmarks book -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
