# The entrances. Each is a few lines that call something; run them as root on Debian 12.
#   make demo    both programs on this machine, with no AWS account; INSTALLER=/path/Anaconda3-….sh uses a real one
#   make test    every test; what .ci/run calls
#   make test-vm a whole machine booted: power-on to SELECT NOW(), reboots, power cuts, disks that fail; over an hour
#   make check   formatting, lints, licences, the house's rules
#   make kernel  the checker's verdicts and the Linux kernel's on 2,000 random networks: ten minutes
#   make fuzz    the fuzzers of the checker's readers, MINUTES=10 each
#   make macos   the checker, type-checked for macOS; needs rustup
#   make cut     the agent killed before every call that changes something, one after another: half an hour or more
#   make docs    the documents that are made from the programs
#   make book    the book of docs/, in target/book/docs
#   make fleet   a thousand agents that boot within a minute against an API with limits: when each report arrives
#   make bench   measurements, side by side
#   make release the static agent for this machine's processor
#   make dist    all that is given away, into dist/: programs for x86_64 and aarch64, deb, rpm, SBOM, sums; half an hour or more
SHELL = /bin/bash -euo pipefail
PYTHON = .lab/venv/bin/python
AGENT = target/debug/vivarium-agent
CHECK = target/debug/vivarium-check
ARCHITECTURE = $(shell uname -m)
RELEASE = target/$(ARCHITECTURE)-unknown-linux-gnu/release/vivarium-agent
INSTALLER =
CHECKER = target/debug/vivarium-check
SEED = 1
COUNT = 2000
MINUTES = 10

.PHONY: demo test test-vm check kernel fuzz macos cut fleet bench release dist docs book setup-% build

demo: build
	$(PYTHON) tests/lab/demo.py --agent $(AGENT) --check $(CHECK) $(if $(INSTALLER),--installer $(INSTALLER))

# One build serves the tests of Rust and, through the agent that it leaves, the tests in the lab.
test: setup-test
	tests/setup-python.sh
	cargo test --workspace --no-fail-fast
	$(PYTHON) -m pytest -q tests

# WHICH=vm/test_launch.py is the first boot alone.
WHICH = vm
test-vm: setup-test-vm build
	$(PYTHON) -m pytest -q -s tests/$(WHICH)

check: setup-check
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	PATH="$$PWD/.lab/tools/bin:$$PATH" cargo deny check --hide-inclusion-graph bans licenses sources
	cargo metadata --locked --format-version 1 --manifest-path checker/fuzz/Cargo.toml > /dev/null
	.lab/venv/bin/ruff check tests
	.lab/venv/bin/ruff check --config tests/ruff.toml packaging
	.lab/venv/bin/ruff format --config tests/ruff.toml --check tests packaging
	git ls-files '*.sh' .ci/run ':!bootstrap/tests/fixtures' ':!tests/lab/stand_in' | xargs shellcheck
	$(PYTHON) -m pytest -q tests/test_house.py
	$(MAKE) --no-print-directory book

# What its pages link to outside of docs/ lies where the links lead.
book: setup-check
	rm -rf target/book
	.lab/tools/bin/mdbook build docs --dest-dir "$(CURDIR)/target/book/docs"
	cp -r packaging README.md CHANGELOG.md LICENSE target/book/

kernel: setup-test build
	$(PYTHON) tests/kernel_agrees.py --count $(COUNT) --seed $(SEED) --checker $(CHECKER)

fuzz: setup-fuzz
	tests/fuzz.sh $(MINUTES)

macos:
	tests/macos.sh

cut: setup-test build
	export VIVARIUM_CUT=all VIVARIUM_LAB=/dev/shm/vivarium-cut; \
	$(PYTHON) -m pytest -q -s -k blank tests/test_cut.py & blank=$$!; \
	$(PYTHON) -m pytest -q -s -k used tests/test_cut.py || used=$$?; \
	wait $$blank && exit $${used:-0}

fleet: setup-test
	cargo test --workspace --test fleet -- --ignored --nocapture

# The checker is measured as released, but for the linking of all at once: [profile.bench] in Cargo.toml.
bench: setup-test release
	$(PYTHON) tests/bench.py $(RELEASE)
	cargo bench -p vivarium-checker --bench speed
	$(PYTHON) tests/bench_check.py target/release/vivarium-check

release: setup-demo
	python3 packaging/artefacts --architecture $(ARCHITECTURE) --program vivarium-agent --only-build

dist: setup-dist
	$(PYTHON) packaging/artefacts
	$(PYTHON) -m pytest -q tests/given_away.py

docs:
	VIVARIUM_BLESS=1 cargo test -p vivarium-agent --test documents
	cargo test -p vivarium-agent --test schema -- --ignored
	cargo test -p vivarium-checker --test trace_document -- --ignored
	cargo build -p vivarium-checker
	VIVARIUM_BLESS=1 $(PYTHON) -m pytest -q tests/test_check.py tests/test_faults.py tests/test_packaging.py tests/test_book.py

# As the tests build them: with one crate alone the features of its crates are others, and AWS's are built anew.
build: setup-demo
	cargo build --workspace

setup-%:
	tests/lab/setup.sh $*
