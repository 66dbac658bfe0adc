# arbdeck. `make help` lists the targets from the comments behind them.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SETUP = $(if $(PYTHON),$(PYTHON),$(error Python 3.11 or newer is needed: apt-get install python3, or PYTHON=FILE)) \
  tools/setup.py
BIN = .venv/bin
JOBS ?= 2
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup run login certificates test test-c test-sanitize test-tsan fuzz check lock clean
.PHONY: bench bench-engine bench-build

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Prepares everything in .venv: system packages, Python packages, engine
	@$(SETUP) test

run: ## Starts venues, engine and dashboard; Ctrl-C stops them (PORT=N, REPLAY=FILE, SPEED=N, MAP=NAME=TARGET,...)
	@$(SETUP) run
	@arbdeck up $(if $(PORT),--port '$(PORT)') $(if $(REPLAY),--replay '$(REPLAY)') $(if $(SPEED),--speed '$(SPEED)') \
	  $(if $(MAP),--map '$(MAP)')

login: ## Prints again how to sign in to the running dashboard
	@arbdeck login $(if $(PORT),--port '$(PORT)')

certificates: setup ## Makes certificates in config/tls for simulated venues with TLS (docs/tls.md)
	@$(BIN)/python -m simulator.certificates config/tls

test: setup test-c test-sanitize ## Sets up and runs every test: C, C under sanitizers, then pytest with the style checks
	ARBDECK_ENGINE=$(CURDIR)/$(BIN)/arbdeck-engine ARBDECK_SHM_WRITER=$(CURDIR)/build/tests/shm_writer \
	  $(BIN)/python -m pytest -q

test-c: ## Builds and runs the C tests
	@mkdir -p build
	cmake -S . -B build/tests -G Ninja > build/tests-configure.log || { cat build/tests-configure.log; exit 1; }
	ninja -C build/tests -j$(JOBS) --quiet
	ctest --test-dir build/tests -j$(JOBS) --output-on-failure

# What has threads: rings, hand-over, snapshots, clock, the engine itself trading in both layouts.
TSAN_TESTS = base_test_base base_test_clock ctl_test_shm net_test_tls_memory net_test_uring run_test_handover \
  run_test_courier
test-tsan: ## Rings, snapshots and threads under the thread sanitizer (clang); the engine trades under it, too
	@command -v clang > /dev/null || { echo 'test-tsan needs clang: apt-get install clang libclang-rt-14-dev'; exit 1; }
	@mkdir -p build && rm -f build/tsan/race.*
	cmake -S . -B build/tsan -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS="-fsanitize=thread" \
	  > build/tsan-configure.log || { cat build/tsan-configure.log; exit 1; }
	ninja -C build/tsan -j$(JOBS) --quiet arbdeck-engine $(TSAN_TESTS)
	TSAN_OPTIONS=log_path=$(CURDIR)/build/tsan/race \
	  ctest --test-dir build/tsan -j$(JOBS) --output-on-failure -R '^($(subst $() ,|,$(strip $(TSAN_TESTS))))$$'
	TSAN_OPTIONS=log_path=$(CURDIR)/build/tsan/race ARBDECK_ENGINE=$(CURDIR)/build/tsan/arbdeck-engine \
	  $(BIN)/python -m pytest -q tests/engine/test_races.py tests/system/test_layouts.py \
	  tests/system/test_tls.py::test_trading_over_tls_equals_the_oracle_to_the_last_unit
	@! cat build/tsan/race.* 2> /dev/null

test-sanitize: ## The C tests again, under the address and undefined-behaviour sanitizers
	@mkdir -p build
	cmake -S . -B build/sanitize -G Ninja -DCMAKE_C_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all" \
	  > build/sanitize-configure.log || { cat build/sanitize-configure.log; exit 1; }
	ninja -C build/sanitize -j$(JOBS) --quiet
	ctest --test-dir build/sanitize -j$(JOBS) --output-on-failure

fuzz: setup ## Feeds every decoder damaged bytes, a minute each, and decimals (SECONDS=N, TARGETS="frame http", NUMBERS=N)
	$(BIN)/python tests/fuzz/run.py --jobs '$(JOBS)' $(if $(SECONDS),--seconds '$(SECONDS)') \
	  $(if $(NUMBERS),--numbers '$(NUMBERS)') $(TARGETS)

check: setup ## The style checks alone: layers, sizes, formatting, ruff, mypy
	$(BIN)/python -m pytest -q tests/test_tidy.py

bench: bench-engine ## Every benchmark there is

bench-engine: bench-build ## Measures the engine, some five minutes (QUICK=1: 45 s): one JSON object; docs/benchmarks.md
	@arbdeck bench engine --json --programs build/bench $(if $(QUICK),--quick)

bench-build: ## Builds the engine and the programs that measure it in build/bench
	@$(SETUP) run
	@mkdir -p build
	@cmake -S . -B build/bench -G Ninja -DARBDECK_TESTS=OFF -DARBDECK_UNMEASURED=ON > build/bench-configure.log || \
	  { cat build/bench-configure.log; exit 1; }
	@ninja -C build/bench -j$(JOBS) --quiet

lock: setup ## Writes requirements/*.lock anew from pyproject.toml (UPGRADE=1 takes newer versions)
	$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

clean: ## Removes what was built; not .venv, not the state in ARBDECK_HOME
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
