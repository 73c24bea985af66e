# make demo   everything once, on the embedded benchmark: installs, evaluates three models, prints a table
# make train-demo  a model from nothing: 480 reasoned pictures, then the geotags of 9,120 others: 16 to 21 minutes
# make scarcity  the whole of that experiment, three n, three seeds and its controls; resumable
# make rewards-demo  SFT, reward model and GRPO from nothing on miniworld: what each reward changes
# make curate-demo  reasoning data from three teachers of known error, verified, and the checks judged
# make test   installs what is missing, checks style, types and documentation, runs the tests on all cores (JOBS=1: on one)
# make quick  style and the tests of what everything stands on, in less than a minute: for the loop while writing
# make coverage  all tests, and which branches none of them takes: a table, and out/coverage/index.html
# make docs   the documentation as a site, out/site/index.html
# make versions  the core's tests with the lowest allowed versions
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
RUNS := out/demo
CHECKPOINT := globe_train/checkpoints/miniworld_globe
SEED ?= 0
CORE := tests/answers tests/places tests/metrics tests/cues tests/test_api.py tests/test_cli.py tests/test_scoring.py
QUICK := tests/answers tests/places tests/metrics tests/cues tests/test_scoring.py tests/test_walls.py

.PHONY: demo train-demo scarcity rewards-demo curate-demo test lint style types check quick coverage docs versions test-vllm test-newest gazetteer schema clean tasks

demo: $(VENV)/installed
	$(BIN)/globe-eval --model constant --tasks miniworld --output_path $(RUNS)/constant --fresh
	$(BIN)/globe-eval --model knn --tasks miniworld --output_path $(RUNS)/knn --fresh
	$(BIN)/globe-eval --model hf-multimodal --model_args pretrained=$(CHECKPOINT),max_pixels=12544 --tasks miniworld \
	    --batch_size 50 --device cpu --gen_kwargs max_gen_toks=96 --output_path $(RUNS)/miniworld_globe --fresh
	@echo
	@$(BIN)/globe-eval table $(RUNS)/constant/miniworld $(RUNS)/knn/miniworld $(RUNS)/miniworld_globe/miniworld

train-demo: $(VENV)/installed
	$(BIN)/python -m globe_train.laptop.scarcity out/scarcity --seeds 1 --arms sft round1

scarcity: $(VENV)/installed
	$(BIN)/python -m globe_train.laptop.scarcity out/scarcity --seeds 1 2 3 --n 240 480 960 -o leaderboards/training

rewards-demo: $(VENV)/installed
	$(BIN)/python -m globe_train.laptop.demo out/train --seed $(SEED)

curate-demo: $(VENV)/installed
	$(BIN)/python -m globe_train.laptop.curation out/curate

# What is quick to be wrong comes first; types and documentation take a core for a minute, beside the tests.
test: style
	$(MAKE) --jobs=2 types check

lint: style types

style: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy
	$(BIN)/mkdocs build --strict --site-dir out/site  # --quiet would swallow what --strict counts

docs: $(VENV)/installed
	$(BIN)/python scripts/house.py
	$(BIN)/mkdocs build --strict --site-dir out/site

# The core with the lowest (VERSIONS=lowest-direct) or newest (highest) versions that pyproject.toml allows; needs uv.
VERSIONS ?= lowest-direct
versions:
	uv venv --quiet --clear --python $(PYTHON) out/$(VERSIONS)
	uv pip install --quiet --python out/$(VERSIONS)/bin/python --resolution $(VERSIONS) --editable '.[geocode]'
	uv pip install --quiet --python out/$(VERSIONS)/bin/python pytest hypothesis piexif
	out/$(VERSIONS)/bin/python -m pytest -q $(CORE)

# A file's tests stay on one worker, which makes what they share once. What kills processes has the machine for itself.
# A test that fails (1: every test was run) is tried once more, with no other beside it: a failure that is one fails twice.
# Hashes are the same in all workers, which collect the same tests in the same order, ids made of sets too.
export PYTHONHASHSEED ?= 0
# Tests and the programs that they start have bytecode, also where the caller's environment would leave none.
unexport PYTHONDONTWRITEBYTECODE
JOBS ?= logical
SPREAD := -n $(JOBS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
ALONE = -m alone $$(grep -rl mark.alone tests --include='*.py')
AGAIN = || { [ $$? = 1 ] && $(BIN)/pytest -q --last-failed --last-failed-no-failures none
check: $(VENV)/installed
	$(BIN)/pytest -q $(SPREAD) -m "not alone" $(AGAIN) -m "not alone"; }
	$(BIN)/pytest -q $(ALONE) $(AGAIN) $(ALONE); }

quick: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -q $(SPREAD) -m "not alone and not slow" $(QUICK)

coverage: $(VENV)/installed
	$(BIN)/pytest -q $(SPREAD) -m "not alone" --cov --cov-report=
	$(BIN)/pytest -q $(ALONE) --cov --cov-append --cov-report=term --cov-report=html:out/coverage

# A real vLLM on a CPU, in an environment of its own: GLOBE_VLLM_ENV=folder (see tests/models/test_vllm.py).
test-vllm: $(VENV)/installed
	$(BIN)/pytest -q tests/models/test_vllm.py tests/train/curate/test_curate.py::test_two_served_models_go_through_all_stages

# Training with the newest transformers, torch and hub that PyPI has, beside the versions that are held elsewhere.
test-newest:
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade torch torchvision transformers \
	    huggingface_hub --editable '.[train,dev]'
	.venv-newest/bin/pytest -q tests/train/test_train.py tests/train/test_patches.py tests/train/test_backbones.py

# Bytecode as pip makes it of what is not editable: where Python may write none, each start would compile 114 modules.
# torch first and by version: a bare requirement of it takes the newest build, with gigabytes of CUDA packages.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[hf,train,dev,docs]'
	$(BIN)/python -m compileall -q globe_eval globe_train
	touch $@

gazetteer: $(VENV)/installed
	$(BIN)/python scripts/build_gazetteer.py

# tasks/*/README.md, from what the YAMLs say of themselves
tasks: $(VENV)/installed
	$(BIN)/python scripts/task_readmes.py

schema: $(VENV)/installed
	$(BIN)/python -m globe_eval.sample
	$(BIN)/python scripts/metrics_page.py

clean:
	rm -rf $(VENV) out build dist
