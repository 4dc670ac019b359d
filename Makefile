# Everything sets itself up: `make demo` and `make test` work on a fresh machine with Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BIOME := node_modules/.bin/biome

.PHONY: demo test check site notebooks campaigns bench format clean

demo: $(READY)
	$(BIN)/foveate demo

# Two processes of one thread each: with two the small layers of tests wait for threads that the other process keeps
# from running. One that has finished takes half of what the other has left, so that both end together, and what tests
# of a file share is seldom made twice. The programs that tests start find their modules compiled.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -n 2 --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
ifneq ($(shell command -v npm),)
	@$(MAKE) --no-print-directory node_modules/.ready
	$(BIOME) ci --error-on-warnings
else
	@echo "left out: format and lint of the pages' scripts, for want of npm -> apt install npm"
	@test "$${FOVEATE_TESTS_STRICT:-0}" = 0
endif

# The documentation as a static site: the guide, whose chapters are run, and README.md and docs/ beside it.
site: $(READY)
	$(BIN)/python tools/make_site.py site --overwrite

# The guide's chapters as notebooks, each run from top to bottom; three minutes at most.
notebooks: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tools/run_notebooks.py

# Faults on purpose, seeded; at most three minutes each, all of them even if one finds something.
CAMPAIGNS := kill_campaign rank_campaign bit_flips io_errors hostile_pictures hostile_models raw_http store_faults \
  serve_under_load
campaigns: $(READY)
	@wrong=; for program in $(wildcard $(CAMPAIGNS:%=tools/%.py)); do \
		echo "== $$program"; $(BIN)/python $$program || wrong="$$wrong $$program"; \
	done; if [ -n "$$wrong" ]; then echo "wrong:$$wrong"; exit 1; fi

# Writes docs/benchmarks.md and its charts. Two hours; `make bench BENCH="inference loop"` measures these alone.
bench: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/foveate bench $(BENCH) --out docs

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
ifneq ($(shell command -v npm),)
	@$(MAKE) --no-print-directory node_modules/.ready
	$(BIOME) check --write
endif

$(READY): pyproject.toml constraints.txt hatch_build.py src/foveate/images/resample.c
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

node_modules/.ready: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

clean:
	rm -rf $(VENV) node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
