# scrapbag: pages -> pictures -> squares -> a generator. `make help` lists the targets, `make demo` shows them all.
#
# 1. The network is asked only when told (make scrape), or by make train when there is nothing yet.
# 2. A value stays what it last was until its variable is given or its section of the recipe is edited
#    (scrapbag/settings.py).
# 3. Whatever lies downstream of a change runs again, nothing else. What is missing is made.
#
# No defaults stand here: a variable is passed on only when it is set. A stamp says when a stage last ran; the file
# behind it, rewritten only when its content changed, says whether those downstream have anything to do.

RECIPE ?= recipes/quilts.toml
DATA   ?= data/$(NAME)
RUN    ?= runs/$(NAME)
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV   ?= .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
TESTED := $(VENV)/.tested# what tests, checks and benchmarks need besides, such as Ray
THP_MEM_ALLOC_ENABLE ?= 1# torch: tensors of 2 MB and more on huge pages, where Linux gives them when asked (docs/gan-records.md)
export THP_MEM_ALLOC_ENABLE

TARGETS := help setup demo test real scrape score targets curate review report train sample interpolate evaluate blind card poster publish push pull \
           serve gallery map tensorboard export start status verify doctor completion bench coverage docs docs-tables strip lint fmt clean
OTHERS  := help setup demo test real start gallery tensorboard doctor completion bench coverage docs docs-tables strip lint fmt # they need no recipe

# --- how make was called: every word of it is known, and NAME is whose dataset is meant (scrapbag/make) ----------------
AGAIN   := $(MAKE) --no-print-directory# not $(MAKE) itself, which make -n would carry out
quoted  = '$(subst ','\'',$(1))'
option  = $(if $($(1)),--$(2) $(call quoted,$($(1))))# of a command: the value of a variable, where it has one
by_line = $(filter command,$(firstword $(origin $(1))))# whether a variable was written on make's command line
WRITTEN := $(foreach v,$(.VARIABLES),$(if $(call by_line,$(v)),$(v)))
GOALS   := $(or $(MAKECMDGOALS),help)
STRANGE := $(foreach g,$(filter-out $(TARGETS) settings,$(GOALS)),$(if $(findstring /,$(g))$(wildcard $(g)),,$(g)))
NEEDED  := $(if $(filter-out $(OTHERS),$(GOALS)),$(RECIPE))
$(foreach v,RECIPE DATA RUN,$(if $(filter-out file,$(firstword $(origin $(v)))),\
  $(if $(word 2,$($(v))),$(error $(v) may have no spaces, which Make takes for several files; write a name without them))\
  $(if $(findstring ://,$($(v))),$(error $(v) is an address; write a folder of this computer: make push STORE=$($(v)) sends the dataset there))\
  $(if $($(v)),,$(error $(v) is empty; write a name, or leave it out))))
ASKED   := $(if $(WRITTEN)$(STRANGE)$(NEEDED),$(or $(wildcard $(PY)),$(PYTHON)))
ANSWER  := $(if $(ASKED),$(shell PYTHONSAFEPATH= $(ASKED) -S -m scrapbag.make $(call quoted,$(WRITTEN)) \
           $(call quoted,$(STRANGE)) '$(TARGETS)' $(call quoted,$(NEEDED)) '$(origin RECIPE)'),ok)
$(if $(filter ok,$(firstword $(ANSWER))),,$(error $(or $(ANSWER),scrapbag/make gave no answer)))
NAME    := $(or $(word 2,$(ANSWER)),$(basename $(notdir $(RECIPE))))

given   = $(if $($(1)),--set $(call quoted,$(2)=$($(1))))
CHOSEN := $(call given,LIMIT,scrape.limit) \
          $(call given,MODEL,score.model) $(call given,BACKEND,score.backend) $(call given,DTYPE,score.dtype) \
          $(call given,THRESH,curate.threshold) $(call given,BY,curate.by) $(call given,SIZE,curate.size) $(call given,FIT,curate.fit) \
          $(call given,PRESET,train.preset) $(call given,MINUTES,train.minutes) $(call given,IMAGES,train.images) \
          $(if $(MINUTES),$(if $(IMAGES),,--set 'train.images=0')) $(call given,LEVEL,train.level) \
          $(call given,INIT,train.init) $(if $(INIT),,$(if $(call by_line,INIT),--set 'train.init=')) \
          $(if $(filter train,$(MAKECMDGOALS)),$(call given,SEED,train.seed)) \
          $(if $(SET)$(call by_line,SET),--set 'train.values=[$(foreach v,$(SET),"$(v)",)]')
NAMED  := $(filter scrape score curate train,$(MAKECMDGOALS))
STAMPS := $(DATA)/stamps
CURATED := $(addprefix $(DATA)/,curated/dataset.json curated/metadata.csv squares report/report.csv report/report.html)
HANDED := $(if $(wildcard $(DATA)/catalog.db),,$(wildcard $(DATA)/shards.json))# curated/ came as shards, by make pull
$(if $(and $(HANDED),$(filter scrape score curate review targets report,$(GOALS))),\
  $(error $(DATA)/curated came as shards of another machine, without pictures to choose among; make train learns from it))
ifeq ($(origin DATA_URL),undefined)# a run that learns from a server goes on from it
DATA_URL := $(if $(filter train,$(MAKECMDGOALS)),$(if $(wildcard $(RUN)/settings.toml),$(shell sed -n 's|^from = "\(https*://.*\)"|\1|p' $(RUN)/settings.toml)))
endif
TRAINED := $(addprefix $(RUN)/,done.json generator.safetensors generator.json report.html) $(if $(DATA_URL),,$(DATA)/packed)
data   := --data $(call quoted,$(DATA))
run    := --run $(call quoted,$(RUN))
aside  := $(if $(filter-out 0,$(JSON)), >&2)# what stages say on the way is not of what is asked for
lost    = $(if $(filter-out $(wildcard $(1)),$(1)),FORCE)# where one of these files is missing, its stage runs again

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: $(TARGETS) settings FORCE
.PRECIOUS: $(DATA)/report/scrape.csv

# --- the stages ----------------------------------------------------------------------------------------------------
scrape: $(READY) settings ## Ask the sources: SITE=one LIMIT=500 RETRY=failed FRESH=1 ENGINE=ray WORKERS=4
	@$(PY) -m spiders scrape $(data) $(call option,SITE,source) $(call option,RETRY,retry) $(if $(filter-out 0,$(FRESH)),--fresh) $(call option,ENGINE,engine) $(call option,WORKERS,workers)

score: $(DATA)/scored/index.json ## Let the ResNet look at every new picture: MODEL= BACKEND=openvino ENGINE=ray WORKERS=4

curate: $(DATA)/curated/dataset.json ## Keep, drop and square, with a reason for each: THRESH=0.9 BY=prob SIZE=64 FIT=auto ENGINE=ray

train: $(RUN)/done.json ## Train the GAN on what was kept: PRESET= MINUTES= IMAGES= LEVEL= SEED= INIT=demo PROCESSES=2 SET="lr_g=0.0004"; on a server's: DATA_URL=http://host:8778 TOKEN_FILE=

$(DATA)/report/scrape.csv: FORCE | $(READY) settings # whatever the catalog holds, however the last crawl ended
	@$(PY) -m spiders $(if $(wildcard $(DATA)/catalog.db),export,scrape) $(data)$(aside)

$(DATA)/scored/index.json: $(STAMPS)/score
	@:
$(STAMPS)/score: $(call lost,$(DATA)/scored/index.json) $(DATA)/report/scrape.csv $(DATA)/settings/score.toml $(DATA)/settings/model.sha256 | $(READY)
	@$(PY) -m curate score $(data) $(call option,ENGINE,engine) $(call option,WORKERS,workers)$(aside)
	@mkdir -p $(@D) && touch $@

$(DATA)/curated/dataset.json: $(if $(HANDED),,$(STAMPS)/curate)
	@:
$(STAMPS)/curate: $(call lost,$(CURATED)) $(DATA)/scored/index.json $(DATA)/report/scrape.csv $(DATA)/report/labels.csv $(DATA)/settings/curate.toml | $(READY)
	@$(PY) -m curate curate $(data) $(call option,ENGINE,engine) $(call option,WORKERS,workers)$(aside)
	@mkdir -p $(@D) && touch $@

$(DATA)/report/labels.csv: $(DATA)/scored/index.json FORCE # clicks are in the catalog: exported anew before every curate
	@$(PY) -m curate labels $(data) >/dev/null

$(RUN)/done.json: $(RUN)/.stamp
	@:
$(RUN)/.stamp: $(call lost,$(TRAINED)) $(if $(DATA_URL),,$(DATA)/curated/dataset.json) $(RUN)/train.toml | $(READY)
	@$(PY) -m gan train $(run) $(call option,PROCESSES,processes) $(if $(DATA_URL),--data-url $(call quoted,$(DATA_URL)) \
	  $(call option,TOKEN_FILE,token-file),$(data))
	@$(PY) -m show card $(if $(DATA_URL),,$(data)) $(run) >/dev/null
	@touch $@

start: $(READY) ## Train what INIT=demo is, for photographs to begin from: runs/start64 on drawn quilts, then runs/photographs64 on drawn photographs of them; IMAGES= of each instead of 500000 and 150000
	@test -d data/start64/curated || $(PY) -m demo squares -o data/start64
	@$(PY) -m gan train --data data/start64 --run runs/start64 --images $(or $(IMAGES),500000)
	@test -d data/photographs64/curated || $(PY) -m demo squares --photographs -n 10000 -o data/photographs64
	@$(PY) -m gan train --data data/photographs64 --run runs/photographs64 --init runs/start64 \
	  --set width=48 --set rate=1.0 --set decay=0.5 --set decay_kimg=80.0 --set every=1 --images $(or $(IMAGES),150000)

settings: $(READY)
	@$(PY) -m scrapbag.settings $(call quoted,$(RECIPE)) $(data) $(run) --named '$(NAMED)' --given '$(filter DATA RUN,$(WRITTEN))' $(CHOSEN)$(aside)
$(DATA)/settings/score.toml $(DATA)/settings/model.sha256 $(DATA)/settings/curate.toml $(RUN)/train.toml: settings
	@:

# --- what people look at ----------------------------------------------------------------------------------------------
review: $(DATA)/curated/dataset.json ## Yes or no to some forty pictures, in the browser: PORT=8775
	@$(PY) -m curate review $(data) $(call option,PORT,port)

targets: $(READY) settings ## Which classes the pictures won most often, with sheets of them: what to write as targets
	@$(PY) -m curate targets $(data)

report: $(DATA)/curated/dataset.json ## What was kept and dropped, by reason and source, and what nearly flipped: JSON=1 for programs
	@$(PY) -m curate report $(data) $(if $(filter-out 0,$(JSON)),--json)

map: $(DATA)/curated/dataset.json ## Lay the pictures out on a plane, alike ones together: to throw out many at once in make gallery
	@$(PY) -m curate map $(data)

FORMS := folder zip webdataset parquet captions# AS is an assembler to make itself, and to some environments
export: $(DATA)/curated/dataset.json ## Hand the squares over: AS=folder, zip, webdataset, parquet; the pictures: AS=captions SIDE=768 WORD=myquilt ND=1; webdataset into a bucket: STORE=; FRESH=1 sends all
	@$(PY) -m curate export $(data) $(call option,SIDE,side) $(call option,WORD,word) $(if $(filter-out 0,$(ND)),--nd) \
	  $(if $(call by_line,STORE),--store $(call quoted,$(STORE))) $(if $(filter-out 0,$(FRESH)),--fresh) --as $(or $(if $(call by_line,AS),$(AS)),$(filter $(FORMS),$(AS)),folder)

sample: $(READY) ## Dream: N=64 SEED=0 TRUNCATION=0.7 AS=png BEST=64 OF=1024; textures: PIXELS=2048x512 STD=1.4 TYPE=0..1 SEAMLESS=1
	@$(PY) -m gan sample $(run) $(if $(filter-out file,$(origin DATA)),$(data)) $(call option,N,n) $(call option,SEED,seed) \
	  $(if $(call by_line,AS),--as $(AS)) $(call option,BEST,best) $(call option,OF,of) \
	  $(call option,TRUNCATION,truncation) $(call option,PIXELS,pixels) \
	  $(call option,STD,std) $(call option,TYPE,type) $(if $(filter-out 0,$(SEAMLESS)),--seamless)

interpolate: $(READY) ## A film from one dream to the next: N=8 SEED=0, or through sheets that one picks: SEEDS=3,17,42
	@$(PY) -m gan interpolate $(run) $(call option,N,n) $(call option,SEED,seed) $(call option,SEEDS,seeds)

evaluate: $(READY) ## What the samples are worth: KID, coverage, copying, share kept as the target, with their floor
	@$(PY) -m gan evaluate $(run) $(if $(filter-out file,$(origin DATA)),$(data)) $(call option,SEED,seed)
	@$(PY) -m show card $(run) $(if $(filter-out file,$(origin DATA)),$(data)) >/dev/null

blind: $(READY) ## Real or sample, 40 by lot, yes or no in the browser: how many samples does a person take for one: PORT=8776
	@$(PY) -m gan blind $(run) $(if $(filter-out file,$(origin DATA)),$(data)) $(call option,SEED,seed) $(call option,PORT,port)

poster: $(READY) ## The best samples on an A3 sheet of 300 dpi, with counts and credits: N=48 OF=768 SEED=0
	@$(PY) -m gan poster $(run) $(if $(filter-out file,$(origin DATA)),$(data)) $(call option,N,n) $(call option,OF,of) $(call option,SEED,seed)

serve: $(DATA)/curated/dataset.json ## Deal the squares to a trainer on another computer: PORT=8778; HOST=0.0.0.0 TOKEN_FILE=<file of mode 600>
	@$(PY) -m gan.serve $(data) $(if $(call by_line,HOST),--host $(call quoted,$(HOST))) $(call option,PORT,port) \
	  $(call option,TOKEN_FILE,token-file)

gallery: $(READY) ## Every dataset and run on one page, live while they grow, in the browser: PORT=8777
	@$(PY) -m show gallery $(call option,PORT,port)

tensorboard: $(READY) ## Curves, KID and grids of every run in TensorBoard, live: PORT=6006 (needs EXTRA=tensorboard)
	@$(PY) -m scrapbag.desk.tensorboard $(call option,PORT,port)

publish: $(READY) ## Post the newest grid while a run learns: TO=<file of mode 600 with apprise's addresses> EVERY=30min, 100kimg; DRY=1
	@$(PY) -m show publish $(run) $(if $(call by_line,TO),--to $(call quoted,$(TO))) $(call option,EVERY,every) \
	  $(if $(DRY),$(if $(filter-out 0,$(DRY)),--dry,--no-dry))

push: $(READY) ## Send the dataset to a bucket or another disk, what is new of it: STORE=s3://bucket/prefix; FRESH=1 sends all
	@$(PY) -m scrapbag.storage push $(data) $(run) --recipe $(call quoted,$(RECIPE)) --store $(call quoted,$(STORE)) $(if $(filter-out 0,$(FRESH)),--fresh)

pull: $(READY) ## Bring a dataset to this machine, what is missing of it: STORE=s3://bucket/prefix; squares alone: SHARDS=<an export AS=webdataset>
	@$(PY) -m $(if $(SHARDS),curate unpack,scrapbag.storage pull) $(data) $(run) --recipe $(call quoted,$(RECIPE)) \
	  $(if $(SHARDS),--shards $(call quoted,$(SHARDS)),--store $(call quoted,$(STORE)))

card: $(READY) ## MODEL_CARD.md and DATASET_CARD.md: sources, licences, how it was chosen, what was measured, limits
	@$(PY) -m show card $(run) $(if $(wildcard $(DATA)/catalog.db),$(data))

status: $(READY) ## Where this dataset stands, and the next command; without RECIPE= of every dataset: JSON=1
	@$(PY) -m scrapbag.desk.status $(if $(filter-out file,$(foreach v,RECIPE DATA RUN,$(firstword $(origin $(v))))),\
	  $(data) $(run) --recipe $(call quoted,$(RECIPE))) $(if $(filter-out 0,$(JSON)),--json)

verify: $(READY) ## Whether every file is as it was written; a fifth of them: PART=1/5 JSON=1
	@$(PY) -m scrapbag.desk.verify --data $(DATA) --run $(RUN) $(call option,PART,part) $(if $(filter-out 0,$(JSON)),--json)

doctor: $(READY) ## What this computer has and lacks
	@$(PY) -m scrapbag.desk.doctor

completion: $(READY) ## For bash: eval "$(make completion)" completes targets, variables and recipes
	@$(PY) -m scrapbag.make.completion '$(TARGETS)'

# --- the whole way ----------------------------------------------------------------------------------------------------
demo: $(READY) ## The main job on pictures that this repository draws, in seven minutes
	@$(if $(wildcard data/demo/scored/index.json),,$(PY) -m demo with-shop --) \
	  $(AGAIN) RECIPE=recipes/demo.toml $(if $(wildcard data/demo/scored/index.json),,scrape) train
	@$(PY) -m scrapbag.desk.status --data data/demo --run runs/demo --recipe recipes/demo.toml

real: $(READY) ## The main job on a folder of real, labelled photographs: REAL=<folder> MINUTES=5
	@test -n "$(REAL)" || { echo 'error: write REAL=<folder with photos/, labels.csv and model/>' >&2; exit 2; }
	@test -d "$(REAL)/photos" -a -f "$(REAL)/labels.csv" || { echo 'error: $(REAL) has no photos/ or no labels.csv' >&2; exit 2; }
	@$(if $(wildcard data/real/scored/index.json),,$(PY) -m demo with-folder $(REAL)/photos --) \
	  $(AGAIN) RECIPE=recipes/real.toml MODEL=local-dir:$(REAL)/model $(if $(wildcard data/real/scored/index.json),,scrape) train
	@$(PY) -m benchmarks.real --real $(REAL) --data data/real --run runs/real $(call option,MODEL,beside)

strip: demo ## The README's picture: scraped, squared, generated
	@$(PY) -m demo strip --data data/demo --run runs/demo -o docs/strip.jpg

# --- the workshop ----------------------------------------------------------------------------------------------------
test: $(TESTED) ## Run the tests; those on real photographs with REAL=<folder>
	@REAL="$(REAL)" $(PY) -m pytest $(or $(T),--numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)

coverage: $(TESTED) ## The tests again, and which lines none of them reaches: T=tests/curate
	@rm -rf out/coverage && mkdir -p out/coverage
	@REAL="$(REAL)" $(PY) -m coverage run -m pytest $(T)
	@$(PY) -m coverage combine --quiet && $(PY) -m coverage report $(if $(T),--fail-under=0)

docs: $(READY) ## The documents as a site in out/site/html, strict: no link leads nowhere (needs EXTRA=docs)
	@$(PY) -m docs.site

docs-tables: $(READY) ## Write the tables of docs/ from the code
	@$(PY) -m docs.tables

bench: $(TESTED) ## Measure: B=scrape, curate, certify, train, quality
	@$(PY) -m benchmarks.$(or $(B),curate)

lint: $(TESTED) ## Ruff and mypy
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

fmt: $(TESTED)
	@$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

clean: $(READY) ## Forget what was curated, and move the training run aside; keep what was scraped, scored and clicked
	@$(PY) -m scrapbag.desk.clean $(data) $(run)

setup: $(READY) ## Install everything into .venv: PYTHON= TORCH_INDEX= EXTRA=heic, openvino, cluster, tensorboard, storage
	@$(if $(EXTRA),$(rest) | sed -n 's/^\([a-z].*[^ ]\) *\\$$/\1/p' > $(VENV)/extra.lock; $(installer); \
	  $$install --constraint=$(VENV)/extra.lock --editable '.[$(EXTRA)]')
PIP := $(PY) -m pip --disable-pip-version-check --quiet
installer = if command -v uv >/dev/null; then install="uv pip install --quiet --compile-bytecode --python $(PY)"; \
	  else $(PIP) --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null; install="$(PIP) install"; fi
rest = awk '{ name = $$1; sub(/[=@].*/, "", name) } FNR == NR { known[name]; next } /^[a-z]/ { keep = !(name in known) } keep' \
	  requirements.lock requirements-test.lock# what only tests need, and extras of them
failed = { echo 'error: the packages could not be installed; the lines above say why. The same command goes on from here' >&2; exit 69; }
$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo 'error: scrapbag needs Python 3.11 or newer; set PYTHON=/path/to/python3' >&2; exit 69; }
	@echo 'setting up $(VENV) (once; with the CUDA build of torch about 7 GB) ...'
	@{ while sleep 30 >/dev/null 2>&1; do echo "  $$(du -sm $(VENV) 2>/dev/null | cut -f1) MB so far"; done; } & said=$$!; trap 'kill $$said' EXIT; \
	if command -v uv >/dev/null; then \
	  test -x $(PY) || uv venv --quiet --python "$(PYTHON)" $(VENV); \
	else \
	  "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo 'error: this Python has no venv; Debian and Ubuntu: sudo apt install python3-venv' >&2; exit 69; }; \
	  $(PIP) --version >/dev/null 2>&1 || "$(PYTHON)" -m venv $(VENV); \
	fi; \
	$(installer); \
	lock=requirements.lock; \
	if [ -n "$(TORCH_INDEX)" ]; then \
	  $$install --index-url "$(TORCH_INDEX)" 'torch>=2.10' 'torchvision>=0.25' || exit 69; \
	  lock=$(VENV)/rest.lock; \
	  awk '/^[a-z]/ { keep = !/^(torch|torchvision|triton|nvidia-[a-z0-9-]*|cuda-[a-z0-9-]*)[=@ ]/ } keep' requirements.lock > $$lock; \
	fi; \
	$$install --require-hashes -r $$lock && $$install --no-deps --no-build-isolation --editable . || $(failed)
	@touch $@

$(TESTED): $(READY) requirements-test.lock # what the other lock has stays as it is, torch of a TORCH_INDEX too
	@echo 'setting up what the tests need besides ...'
	@$(rest) > $(VENV)/test.lock; $(installer); $$install --no-deps --require-hashes -r $(VENV)/test.lock || $(failed)
	@touch $@

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
