# What a person or CI does with this repository; `make` alone lists it. Set-up happens by itself, in .venv, and again only where sources changed.

PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH):$(HOME)/.cargo/bin
RUSTUP_BESIDE := $(shell .ci/rustup_home)
ifneq ($(RUSTUP_BESIDE),)
export RUSTUP_HOME := $(RUSTUP_BESIDE)
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# One Python for every build of the bridge, so that cargo reuses what it built.
export PYO3_PYTHON := $(CURDIR)/$(PY)

NODE_BIN := .ci/node/node_modules/.bin
PIP := $(PY) -m pip install --quiet
RUST_SOURCES := Cargo.toml Cargo.lock .cargo/config.toml $(shell find engine_core pyserver/front pyserver/native proto -name '*.rs' -o -name Cargo.toml -o -name '*.proto')

.PHONY: help run play cluster test lint lint-python lint-proto lint-rust format proto pins bench bench-quick bench-publish profile faults faults-quick cluster-faults cluster-faults-quick clean
.DELETE_ON_ERROR:

help: ## list what make can do
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1@/' | while IFS=@ read -r name what; do printf '  make %-14s %s\n' "$$name" "$$what"; done

run: .venv/.client ## set up what is missing and start a demo server with the embedded store
	@exec .venv/bin/croupier serve --demo

play: .venv/.client ## from another terminal: play a visible session against the demo server
	@exec $(PY) -m croupier_client.demo

cluster: .venv/.client ## set up what is missing and start three regions: Cassandra, etcd and engine nodes, real ones, to play on and to break
	@exec .venv/bin/croupier dev up

test: .venv/.client .venv/.test ## set up what is missing and run every test
	cargo test --release --locked -p engine_core -p croupier_front
	$(PY) -m pytest $(PYTEST)

lint: lint-python lint-proto lint-rust ## every static check: formats, types, imports, proto

lint-python: .venv/.client .venv/.dev .venv/.node ## the part of lint that concerns Python
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(NODE_BIN)/pyright --warnings
	.venv/bin/lint-imports --no-cache --no-logo

lint-proto: .venv/.dev .venv/.node ## the part of lint that concerns proto/
	$(PY) proto/generate_stubs.py --check
	$(NODE_BIN)/buf lint
	.ci/breaking

lint-rust: .venv/.made ## the part of lint that concerns Rust
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

format: .venv/.dev ## put every source into the project's format
	.venv/bin/ruff check --fix --quiet . || true
	.venv/bin/ruff format .
	cargo fmt --all

proto: .venv/.test ## generate the Python stubs from proto/
	$(PY) proto/generate_stubs.py

bench: .venv/.client .venv/.test ## the long benchmark, every figure paired with its baseline
	$(PY) bench/run.py
	$(PY) bench/native_store.py target/bench
	$(PY) bench/cold_wallets.py
	$(PY) -m pytest bench/test_engine.py --benchmark-columns=min,median,max,ops

bench-quick: .venv/.client .venv/.test ## the benchmark's ratios in about two minutes
	$(PY) bench/run.py --quick

bench-publish: bench-quick profile ## the quick benchmark and the profile, and their tables into docs/performance.md
	$(PY) bench/paste.py

profile: .venv/.client .venv/.test ## where the CPU time of a Play goes, by stage, in under a minute
	$(PY) bench/stages.py

faults: .venv/.client .venv/.test ## everything that breaks one machine or a cluster, the whole lists; figures into docs/reliability.md
	$(PY) -m tests.faults
	$(MAKE) cluster-faults

faults-quick: .venv/.client .venv/.test ## a selection of the faults in under ten minutes
	$(PY) -m tests.faults --quick

cluster-faults: .venv/.client .venv/.test ## three regions of Cassandra, etcd and nodes killed, frozen and cut off under load; figures into docs/reliability.md
	$(PY) -m tests.cluster
	$(PY) -m tests.cluster.publish target/cluster-faults

cluster-faults-quick: .venv/.client .venv/.test ## each kind of a cluster's faults once, and every control, in under 25 minutes
	$(PY) -m tests.cluster --quick

PINS := .venv/bin/uv pip compile pyproject.toml clients/python/pyproject.toml requirements/build.in \
	--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
pins: .venv/.dev ## pin the newest allowed version of every Python package, with hashes
	$(PINS) --upgrade --group pyproject.toml:dev -o requirements/dev.txt
	$(PINS) --group pyproject.toml:test -c requirements/dev.txt -o requirements/test.txt
	$(PINS) -c requirements/dev.txt -o requirements/run.txt

clean: ## remove everything that was built or installed here, except data/
	rm -rf .venv target dist .ci/node/node_modules .pytest_cache .ruff_cache .hypothesis pyserver/croupier/_engine*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, step by step. Each stamp is newer than what it was made from.

.venv/.made:
	@python=$$(.ci/find_python) && .ci/find_rust && \
	echo "Setting up in .venv with $$($$python --version)" && \
	$$python -m venv --clear .venv && touch $@

.venv/.run: .venv/.made requirements/run.txt
	@echo "Installing what the server and the client need: $$(grep -c == requirements/run.txt) packages, pinned and hashed"
	@$(PIP) --require-hashes -r requirements/run.txt && touch $@

.venv/.test: .venv/.run requirements/test.txt
	@echo "Installing what the tests need: $$(grep -c == requirements/test.txt) packages, pinned and hashed"
	@$(PIP) --require-hashes -r requirements/test.txt && touch $@

.venv/.dev: .venv/.test requirements/dev.txt
	@echo "Installing what the lints need: $$(grep -c == requirements/dev.txt) packages, pinned and hashed"
	@$(PIP) --require-hashes -r requirements/dev.txt && touch $@

.venv/.engine: .venv/.run $(RUST_SOURCES)
	@.ci/find_rust && echo "Building the Rust engine in release (about two minutes the first time)"
	@$(PY) .ci/build_engine && touch $@

.venv/.client: .venv/.engine pyproject.toml clients/python/pyproject.toml
	@echo "Installing the server and the Python client"
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(PIP) --no-deps --no-build-isolation --editable clients/python && touch $@

.venv/.node: .venv/.dev .ci/node/package-lock.json
	@echo "Installing pyright and buf"
	@NODE_OPTIONS=--use-system-ca .venv/bin/npm ci --prefix .ci/node --ignore-scripts --no-progress --loglevel=error && touch $@
