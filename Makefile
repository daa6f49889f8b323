# Everything that a person or a machine does with this repository. `make` prints the list.
# Each target installs what it needs through npm (Node 26 included: it comes as a package, so an older Node can bootstrap it).

SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export BROKER_URL ?= nats://localhost:4222
SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

INSTALLED := node_modules/.package-lock.json
SOURCES := $(shell find src scripts -type f)
DURATION ?=
IMAGE ?= meshery/meshery-meshsync
GIT_VERSION ?= $(shell git describe --tags --always 2>/dev/null)
GIT_COMMITSHA ?= $(shell git rev-parse HEAD 2>/dev/null)
export GIT_VERSION GIT_COMMITSHA

.PHONY: help build run nats-run demo test sim chaos fuzz outage coverage-report integration-tests integration-tests-setup integration-tests-run \
  integration-tests-cleanup lint-run format mod-tidy audit error docs pack settings golden-update bench clean docker-build docker-run image-rootfs release \
  integration-tests-oldest FORCE

help: ## Print every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-26s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Install and build ----------------------------------------------------------------------------------------------------

$(INSTALLED): package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer (https://nodejs.org)." >&2; exit 1; }
	PATH="$(SYSTEM_PATH)" npm ci --loglevel error
	@case "$$(node --version)" in v26.*) ;; *) echo "Node 26 is needed and npm has no package of it for this machine: install it from https://nodejs.org." >&2; exit 1 ;; esac
	@touch $@

# Changes only when the version does, so that a commit alone does not rebuild more than it must.
build/version: FORCE
	@mkdir -p build
	@[ "$$(cat $@ 2>/dev/null)" = "$$GIT_VERSION" ] || echo "$$GIT_VERSION" > $@

bin/meshsync: $(SOURCES) $(INSTALLED) build/version
	@node scripts/build.ts

build: bin/meshsync ## Build bin/meshsync, one self-contained executable

# Run ------------------------------------------------------------------------------------------------------------------

run: bin/meshsync ## Run against the current kubeconfig and BROKER_URL (default: what nats-run starts)
	@node scripts/brokerCheck.ts
	@exec bin/meshsync

nats-run: ## Run a NATS server on ports 4222 and 8222 in the foreground (PATH, else Docker, else built by Go)
	@exec sh scripts/nats-run.sh

demo: bin/meshsync ## See it work on an embedded cluster, no cluster and no NATS needed (DURATION=10s ends it by itself)
	@exec bin/meshsync demo $(if $(DURATION),--duration $(DURATION))

# Test -----------------------------------------------------------------------------------------------------------------

test: lint-run ## Unit tests, lint first
	@mkdir -p build
	vitest run --project unit --reporter default --reporter json --outputFile.json=build/unit.json

SEEDS ?= 2000
INPUTS ?= 100000
FROM ?= 1

sim: $(INSTALLED) ## Simulate lists, watches and delivery with seeds FROM to FROM+SEEDS-1, faults included (TRACE=1 prints every step)
	@SEEDS="$(SEEDS)" FROM="$(FROM)" node test/sim/main.ts

chaos: bin/meshsync ## Kill, pause, cut and stall real servers under load (DURATION=600s SEED=1 OBJECTS=5000 RATE=100 SORTS=...)
	@DURATION="$(DURATION)" node test/chaos/main.ts

fuzz: $(INSTALLED) ## Feed so many mutated answers and requests to the readers, lanes and encoders (INPUTS=1000000 FROM=seed)
	@INPUTS="$(INPUTS)" FROM="$(FROM)" node test/fuzz/main.ts

outage: bin/meshsync ## Measure memory while the broker is away and the cluster changes (DURATION=60s RATE=1000 PODS=2000)
	@DURATION="$(DURATION)" node test/outage/main.ts

coverage-report: $(INSTALLED) ## Unit tests with coverage, as cover.html
	vitest run --project unit --coverage
	@sed 's|<head>|<head><base href="coverage/">|' coverage/index.html > cover.html
	@echo "written: cover.html"

integration-tests: ## Setup, run and cleanup of the integration tests; cleanup always happens
	@code=0; { $(MAKE) integration-tests-setup && $(MAKE) integration-tests-run; } || code=$$?; $(MAKE) integration-tests-cleanup; exit $$code

integration-tests-setup: ## Find a control plane (KUBEBUILDER_ASSETS, else Docker and kind, else built by Go) and a nats-server
	@sh scripts/integration.sh setup

integration-tests-run: bin/meshsync ## Run the integration tests against what setup found; a skipped test is a failure
	@sh scripts/integration.sh run

integration-tests-cleanup: ## Stop what setup started
	@sh scripts/integration.sh cleanup

integration-tests-oldest: ## The same against the oldest API server that is tested, built by Go
	@folder=$$(sh scripts/control-plane-oldest.sh) && KUBEBUILDER_ASSETS="$$folder" $(MAKE) integration-tests

bench: bin/meshsync ## Measure throughput and memory of the built binary
	@node bench/bench.ts

# Keep tidy ------------------------------------------------------------------------------------------------------------

lint-run: $(INSTALLED) ## Types, purity of the domain, rules, format
	tsc -p tsconfig.json
	tsc -p tsconfig.domain.json
	oxlint --type-aware --deny-warnings
	oxfmt --check

format: $(INSTALLED) ## Format every source file
	oxfmt

mod-tidy: $(INSTALLED) ## Check that dependencies are deduplicated, all used and all declared
	node scripts/dedupeCheck.ts
	knip --dependencies

audit: ## Ask npm's audit service about what the lockfile ships; a known vulnerability fails
	node scripts/audit.ts

error: $(INSTALLED) ## Write the error reference: docs/ERRORS.md and helpers/*.json
	node scripts/errors.ts

docs: $(INSTALLED) ## Write the library's reference and the descriptions of the messages: docs/API.md and docs/*.json
	node scripts/docs.ts

pack: $(INSTALLED) ## Make the library's package: build/meshsync-VERSION.tgz
	node scripts/pack.ts
	@mkdir -p build && rm -f build/meshsync-*.tgz
	npm pack --silent --pack-destination build ./dist

settings: $(INSTALLED) ## Write the README's table of settings from the one that the program reads
	node scripts/settings.ts

golden-update: $(INSTALLED) ## Refresh what golden files can be derived, and say where the others come from
	@cat scripts/golden-update.txt
	vitest run --project unit --update

clean: ## Remove what was built; node_modules and the cache of integration programs stay
	rm -rf bin build coverage cover.html dist

# Image ----------------------------------------------------------------------------------------------------------------

docker-build: ## Build the container image (Docker, Podman or Buildah)
	@sh scripts/image.sh build "$(IMAGE)"

docker-run: ## Run the container image against the current kubeconfig and BROKER_URL
	@sh scripts/image.sh run "$(IMAGE)"

image-rootfs: bin/meshsync ## Lay out the files of the image in build/image without Docker, and print their size (Linux)
	@node scripts/imageRootfs.ts build/image

release: bin/meshsync ## Write executable, image files, SBOM and checksums into dist/
	@[ "$$(uname)" != Linux ] || $(MAKE) image-rootfs
	@sh scripts/release.sh
