# The shortest ways in; CMakeLists.txt is the build itself.
#   make demo    builds, installs under build/, and shows the bridge at work
#   make test    builds everything and runs all tests
#   make soak    runs clients against servers that fail; SOAK_ARGS="--seconds 600 --seed 1" and such
#   make sanitizers   runs tests under AddressSanitizer and ThreadSanitizer
#   make mutants changes the code in one place after the other, to see that a test notices; MUTANTS="wire pairing" and such
#   make fuzz    fuzzes each target for FUZZ_SECONDS; fuzz/README.md tells more
#   make bench   measures; BENCH_ARGS="--quick" and others are told in benches/driver/main.cpp
# BUILD is where everything goes; cargo's own tests go to target/.

BUILD ?= build
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
CMAKE_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
FUZZ_SECONDS ?= 10
MUTANTS ?=

export PATH := $(PATH):$(HOME)/.cargo/bin
configure = cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING $(CMAKE_ARGS)

.PHONY: demo test soak sanitizers mutants fuzz bench
# Each of them configures the same build.
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

test:
	@sh cmake/system-packages.sh test
	cargo test --locked
	cargo test --locked --release --manifest-path tests/model/Cargo.toml --target-dir target/model
	$(configure) -DROGUE_MEMORY_BRIDGE_TESTS=ON
	cmake --build $(BUILD)
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

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
