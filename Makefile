# Two commands do everything on a machine with Python 3.11, make and git:
#   make search   set up, then search the embedded data set with conf=retail and write the Pareto page
#   make test     set up, then run the tests
.PHONY: help setup search test test-fast test-slow test-wheel check format constraints plotly clean
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WHEEL := build/wheel
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export GOMP_SPINCOUNT ?= 10000

help:         ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(READY)  ## make .venv with the pinned packages and this project in it

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "needs $(PYTHON); name another 3.11+ with make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[dev,openvino,int8,litert,ncnn,hub,postgresql,s3,ray,dask,slurm,tensorboard,wandb,notebook,parquet]'
	@touch $@

search: $(READY)  ## the main job: automl search conf=retail (about 7 minutes on 2 cores); ARGS=... adds overrides
	$(BIN)/automl search conf=retail $(ARGS)

# One test process a core, at most four: each imports torch. With ARGS=-n0 there is one in all, as pdb needs.
# Tests of pages need Chromium (apt-get install chromium) and are skipped where there is none.
PARALLEL := -n logical --maxprocesses 4 --dist worksteal

test: $(READY)  ## the default tests; ARGS=... goes to pytest (-n0: in one process)
	$(BIN)/pytest -m "not slow" $(PARALLEL) $(ARGS)

test-fast: $(READY)  ## those without processes and trainings, in a minute and a half: while you write
	$(BIN)/pytest -m "not slow and not seconds" $(PARALLEL) $(ARGS)

# In three processes, one after another: what one library of machine code does to a process is not the next one's.
# These kill processes, break lines and wait for what others do: tests that have failed run once more, by themselves, and
# are named in the end. What fails twice fails; so does a process that dies.
SLOW := "tests --ignore=tests/search" "tests/search --ignore=tests/search/study" "tests/search/study"

test-slow: $(READY)  ## the slow tests: real searches and trainings of minutes, and seconds beside the main path
	@failed=0; again=""; for part in $(SLOW); do \
		code=0; $(BIN)/pytest -m slow --timeout 1800 $$part $(ARGS) || code=$$?; \
		if [ $$code -eq 1 ]; then \
			echo "once more, those that failed:"; code=0; again="$$again $$part"; \
			$(BIN)/pytest -m slow --timeout 1800 --last-failed --last-failed-no-failures none $$part $(ARGS) || code=$$?; \
			[ $$code -ne 5 ] || code=1; \
		fi; \
		[ $$code -eq 0 ] || [ $$code -eq 5 ] || failed=$$code; \
	done; [ -z "$$again" ] || echo "tests had to run twice in:$$again"; exit $$failed

test-wheel: $(READY)  ## build the wheel, install it into an environment of its own, search from another folder with it
	rm -rf $(WHEEL) && mkdir -p $(WHEEL)/elsewhere
	$(BIN)/pip wheel -q --no-deps -w $(WHEEL) .
	$(PYTHON) -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/pip install -q -c constraints.txt $(WHEEL)/*.whl
	cd $(WHEEL)/elsewhere && ../venv/bin/automl search conf=smoke && ../venv/bin/automl studies \
		&& ../venv/bin/automl export smoke --pick best --to out && test -s out/model.onnx
	rm -rf $(WHEEL)

check: $(READY)  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: $(READY)  ## write constraints.txt anew from what is installed
	{ head -1 constraints.txt; $(BIN)/pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt

PLOTLY := reports/page/assets/plotly
plotly: $(READY)  ## renew the bundle of plotly.js that pages carry, in the version of the plotly package (needs npm)
	rm -rf build/plotly && mkdir -p build/plotly
	$(BIN)/python -c "from plotly.offline import get_plotlyjs_version as v; print(v())" > build/plotly/version
	cd build/plotly && npm pack -s plotly.js-basic-dist-min@$$(cat version) && tar xzf *.tgz
	gzip -9 -n -c build/plotly/package/plotly-basic.min.js > $(PLOTLY)/plotly-basic.min.js.gz
	cp build/plotly/package/LICENSE $(PLOTLY)/LICENSE
	sed -i -e "s/^- version: .*/- version: $$(cat build/plotly/version)/" \
		-e "s/^\(- sha256 .*: \).*/\1$$(sha256sum < build/plotly/package/plotly-basic.min.js | cut -d' ' -f1)/" $(PLOTLY)/README.md
	rm -rf build/plotly

clean:        ## remove everything that make made; studies in runs/ stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
