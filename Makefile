# Every target installs what it needs and is missing, and only that.
# The scripts are in scripts/; this file says what belongs to what.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

step := scripts/step.sh
setup := scripts/setup.sh
# Sets PATH to the tools that setup has installed.
env := . scripts/env.sh;

.PHONY: help
help: ## this list
	@echo 'make TARGET'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1~\2/p' Makefile | awk -F'~' '{ printf "%-16s %s\n", $$1, $$2 }'

# ---- to use it

.PHONY: run demo
run: ## build the till and open it on the sample shop
	@scripts/run.sh
demo: ## the sample shop in the terminal, without a window
	@scripts/demo.sh

# ---- to check it

.PHONY: test quick lint lint-text lint-rust test-rust test-keyring test-ui test-browser test-window sim mutants soak laws fuzz bench
# Cheap checks first. A test that has not been written yet is not missed here.
test: ## everything: lints, all tests, the window in a browser and for real
	@$(step) --start
	@$(MAKE) setup lint-text test-ui lint-rust test-rust \
	  $(if $(wildcard ui/tests/browser/*.test.ts),test-browser) \
	  $(if $(wildcard tests/window/run.mjs),test-window)
	@$(step) --list

quick: ## the tests that need neither Tauri nor a window
	@$(setup) rust receipts keyring
	@scripts/rust-tests.sh quick

lint: lint-text lint-rust ## formatting, spelling, licences, clippy

lint-text:
	@$(setup) rust lint
	@$(step) 'rustfmt' cargo fmt --all --check
	@$(env) $(step) 'taplo' env RUST_LOG=warn taplo fmt --check
	@$(env) $(step) 'typos' typos --format brief
	@$(env) $(step) 'shellcheck' shellcheck --external-sources scripts/*.sh .ci/run
	@# Duplicates are warnings, and thousands of lines: `cargo deny check bans` shows them.
	@$(env) $(step) 'cargo-deny' cargo deny --locked --log-level error check bans licenses sources

lint-rust: ui/dist/index.html
	@$(setup) rust window
	@$(step) 'clippy' cargo clippy --locked --workspace --all-targets -- -D warnings

test-rust: ui/dist/index.html ## documentation examples and all Rust tests
	@$(setup) rust window receipts keyring
	@$(step) 'doc tests' cargo test --locked --workspace --doc --quiet
	@$(step) 'rust tests' scripts/rust-tests.sh all

test-keyring: ui/dist/index.html ## only the tests of the keyring
	@$(setup) rust window keyring
	@$(step) 'keyring tests' scripts/rust-tests.sh keyring

test-ui: ## types, lint, formatting and tests of the window
	@$(setup) ui
	@$(env) $(step) 'svelte-check' npm --prefix ui run --silent check
	@$(env) $(step) 'eslint' npm --prefix ui run --silent lint
	@$(env) $(step) 'prettier' npm --prefix ui run --silent format:check
	@$(env) $(step) 'vitest' npm --prefix ui run --silent test

test-browser: ## the window over a fake till, in Chromium
	@$(setup) ui browser screen
	@$(env) $(step) 'browser tests' npm --prefix ui run --silent test:browser

test-window: ui/dist/index.html ## the real window, driven from outside
	@$(setup) rust window screen driver ui
	@$(step) 'window test' scripts/window-test.sh

CASES ?= 1000000
laws: ## the laws of pricing and refunds over CASES baskets each, and their rate
	@$(setup) rust
	@scripts/laws.sh $(CASES)

FOR ?= 3600
fuzz: ## baskets and scans as nobody would send them, to `till price` and the scanner, FOR seconds each
	@$(setup) rust
	@FUZZ_SECONDS=$(FOR) cargo test --locked -p till-cli --bin till fuzz -- --nocapture
	@FUZZ_SECONDS=$(FOR) cargo test --locked -p till-domain --test barcode_fuzz -- --nocapture

SCHEDULES ?= 20000
FROM ?= 1
sim: ## the simulation: SCHEDULES=1000000 FROM=1, or one schedule again: SEED=7
	@$(setup) rust
	@cargo run --locked --profile laws -p till-tests --bin sim -- \
	  $(if $(SEED),--seed $(SEED),$(SCHEDULES) $(FROM))

TENDERS ?= 10000
soak: ## a queue of TENDERS cards drained over HTTP, with faults, while the counter sells
	@$(setup) rust
	@cargo run --locked --release -p till-tests --bin soak -- $(TENDERS)

mutants: ## the core broken on purpose, one way at a time: the simulation must notice
	@$(setup) rust
	@scripts/mutants.sh $(SCHEDULES)

bench: ## what it costs: times, memory, start of the window
	@$(setup) rust window screen ui
	@scripts/bench.sh

# ---- what these need

.PHONY: setup format
setup: ## install all that the targets above need
	@$(step) 'setup' $(setup) rust window receipts keyring browser screen ui lint driver

format: ## lay out every file as the checks want it
	@$(setup) rust lint ui
	@cargo fmt --all
	@$(env) RUST_LOG=warn taplo fmt
	@$(env) npm --prefix ui run --silent format

# Tauri reads the built window while it compiles. Built here and not in build.rs,
# so that a Rust build needs no Node.
ui_sources := $(shell find ui/src ui/public ui/index.html ui/package-lock.json ui/vite.config.ts ui/svelte.config.js -type f 2>/dev/null)
ui/dist/index.html: $(ui_sources)
	@$(setup) ui
	@$(env) $(step) 'build the window' npm --prefix ui run --silent build
	@touch $@
