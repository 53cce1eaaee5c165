# The commands of the project. Each installs by itself what a bare Debian 12 lacks, and does nothing
# that has been done already. What they call is in tools/ and meson.build.

LISTEN ?= 127.0.0.1:8080
DATA ?= data
STAGES ?=
QUICK ?=
STORE ?= sqlite
BASE ?=

export PATH := $(CURDIR)/build/node/bin:$(PATH)

PAGES := build/pages/assets.S
PAGE_SOURCES := $(shell find src/static -type f 2>/dev/null) $(wildcard tools/build_pages*) package-lock.json

.PHONY: build run test bench lint format deps test-deps bench-deps clean help

build: build/build.ninja $(PAGES)
	@ninja -C build -n kimono | grep -q 'no work to do' || ninja -C build kimono

run: build
	@tools/run.sh '$(DATA)' '$(LISTEN)'

# `make test STAGES="unit api"` runs only these.
test: build test-deps
	@node tools/test.mjs $(STAGES)

# `make bench QUICK=--quick` makes a hundredth of the large store; STORE=postgresql runs on PostgreSQL;
# BASE=COMMIT compares this build with that one.
bench: build bench-deps
	@tools/bench.sh $(QUICK) --store '$(STORE)' $(BASE:%=--base '%')

lint: build test-deps
	@node tools/lint.mjs

format: test-deps
	@find src tests -name '*.[ch]' -exec clang-format -i {} +
	@npx prettier --log-level warn --write src/static tests tools

deps:
	@tools/deps.sh build

test-deps: deps
	@tools/deps.sh test

bench-deps: deps
	@tools/deps.sh bench

clean:
	@rm -rf build node_modules

help:
	@echo 'make build | run [LISTEN=HOST:PORT] [DATA=FOLDER] | test [STAGES="..."] | bench [QUICK=--quick] [STORE=postgresql] [BASE=COMMIT] | lint | format | deps | clean'

$(PAGES): $(PAGE_SOURCES) | deps
	@echo 'pages: building'
	@mkdir -p build/pages
	@node tools/build_pages.mjs --out build/pages
	@touch $(PAGES)

# Once; later changes of meson.build are ninja's business.
build/build.ninja: | deps $(PAGES)
	@meson setup build >build/meson-setup.log || { cat build/meson-setup.log; exit 1; }
