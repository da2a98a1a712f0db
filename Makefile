# Shortcuts. CMakeLists.txt is the build itself.
#   make demo        builds the libraries, installs them below build/, and shows the bridge at work
#   make test        builds everything and runs all tests
#   make nightly     runs what takes too long for `make test`; NIGHTLY="miri soak" runs some parts of it
#   make soak        runs clients against servers that fail; SOAK_ARGS="--seconds 600 --seed 1" and others
#   make sanitizers  runs tests under AddressSanitizer and ThreadSanitizer
#   make mutants     changes the code in one place after the other, and expects a test to fail each
#                    time; MUTANTS="wire pairing" changes some parts of it
#   make fuzz        runs each fuzz target for FUZZ_SECONDS; see fuzz/README.md
#   make bench       measures; BENCH_ARGS="--quick" and others: see benches/driver/main.cpp
# CMake builds in BUILD. Cargo's own tests are built in target/.

BUILD ?= build
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
CMAKE_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
FUZZ_SECONDS ?= 10
MUTANTS ?=
NIGHTLY ?=

export PATH := $(PATH):$(HOME)/.cargo/bin
configure = cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING $(CMAKE_ARGS)

.PHONY: demo test test-rust test-build test-programs nightly soak sanitizers mutants fuzz bench
# All of them configure the same build.
.NOTPARALLEL:

demo:
	@sh cmake/system-packages.sh build
	$(configure) -DROGUE_MEMORY_BRIDGE_TESTS=OFF
	cmake --build $(BUILD)
	cmake --install $(BUILD) --prefix $(BUILD)/prefix >$(BUILD)/install.log
	cmake -S examples -B $(BUILD)/examples -G Ninja --log-level=WARNING \
	    -DCMAKE_PREFIX_PATH="$(abspath $(BUILD)/prefix)"
	cmake --build $(BUILD)/examples
	@sh examples/demo.sh $(BUILD)/examples

test: test-rust test-build test-programs

test-rust:
	@sh cmake/system-packages.sh test
	cargo test --locked
	cargo test --locked --release --manifest-path tests/model/Cargo.toml --target-dir target/model

test-build:
	@sh cmake/system-packages.sh test
	$(configure) -DROGUE_MEMORY_BRIDGE_TESTS=ON
	cmake --build $(BUILD)

test-programs:
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

nightly:
	@sh cmake/system-packages.sh test
	@NIGHTLY_DIR="$(BUILD)/nightly" JOBS=$(JOBS) sh tests/nightly.sh $(NIGHTLY)

soak:
	@sh cmake/system-packages.sh test
	$(configure) -DROGUE_MEMORY_BRIDGE_TESTS=ON
	SOAK_ARGS="$(SOAK_ARGS)" cmake --build $(BUILD) --target soak

sanitizers:
	@sh cmake/system-packages.sh test
	SANITIZERS_DIR="$(BUILD)/sanitizers" JOBS=$(JOBS) sh tests/sanitizers.sh

mutants:
	sh tests/mutants.sh $(MUTANTS)

fuzz:
	@sh cmake/system-packages.sh test
	fuzz/run.sh $(FUZZ_SECONDS)

bench:
	@sh cmake/system-packages.sh bench
	$(configure) -DROGUE_MEMORY_BRIDGE_TESTS=OFF
	cmake --build $(BUILD) --target bench-programs
	$(BUILD)/benches/bench-driver $(BENCH_ARGS)
