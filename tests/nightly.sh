#!/bin/sh
# What takes too long for .ci/run, which has a short form of each part. Goes on after a part that
# fails, and ends with a summary. A part that needs something this machine cannot have says so in one
# line and is left out.
#
#   sh tests/nightly.sh [PART]...     all parts, unless some are named
#
# NIGHTLY_DIR is where it builds: build/nightly. FUZZ_SECONDS (120) is the time for each fuzz target,
# SOAK_SECONDS (600) that of the soak. Exits with 1 if a part failed.
set -eu
cd "$(dirname "$0")/.."
all="rust deny locks miri sanitizers fuzz soak foreign mutants"
work=${NIGHTLY_DIR:-build/nightly}
mkdir -p "$work"
work=$(cd "$work" && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
PATH=$PATH:$HOME/.cargo/bin:$work/tools/bin
export PATH

# left_out TEXT: notes that the part, or something of it, cannot be had.
left_out() {
    echo "-- $part: left out: $1"
    echo "$1" >>"$work/left-out"
}

# has_tool NAME VERSION: there is cargo NAME, perhaps since it has just been installed.
has_tool() {
    cargo "$1" --version >/dev/null 2>&1 ||
        cargo install --quiet --locked "cargo-$1@$2" --root "$work/tools" ||
        { left_out "there is no cargo-$1, and it cannot be installed" && return 1; }
}

# The tests with all programs of a build of its own, for the parts that need them.
build_tests() {
    cmake -S . -B "$work/build" -G Ninja --log-level=WARNING -DROGUE_MEMORY_BRIDGE_TESTS=ON
    cmake --build "$work/build"
}

# The oldest Rust that Cargo.toml allows compiles everything and passes the tests without sockets.
rust() {
    minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    case $minimum in *.*.*) ;; *) minimum=$minimum.0 ;; esac
    command -v rustup >/dev/null || { left_out "there is no rustup" && return; }
    rustup run "$minimum" rustc --version 2>/dev/null ||
        rustup toolchain install "$minimum" --profile minimal --no-self-update ||
        { left_out "Rust $minimum cannot be downloaded" && return; }
    with="rustup run $minimum cargo"
    export CARGO_TARGET_DIR="$work/rust"
    $with test --locked --lib --test wire
    $with check --locked --all-targets
    $with check --locked --lib --features cpp
    # The other crates are for developers: what they depend on may need a later Rust.
    $with check --locked --all-targets --manifest-path tests/histories/Cargo.toml
}

# deny.toml. tests/rust/licences.rs holds the dependencies to most of it without cargo-deny.
deny() {
    has_tool deny 0.20.2 || return 0
    cargo deny --offline check bans licenses sources
    if cargo deny fetch db >/dev/null 2>&1; then
        cargo deny --offline check advisories
    else
        left_out "advisories: their database cannot be downloaded"
    fi
}

# A read of a register takes 12 mutexes in the client, and one more in each millisecond.
locks() {
    LOCKS_DIR="$work/locks" sh tests/locks.sh 13 3
}

miri() {
    sh tests/miri.sh full
}

sanitizers() {
    SANITIZERS_DIR="$work/sanitizers" JOBS=$jobs sh tests/sanitizers.sh
}

fuzz() {
    CARGO_TARGET_DIR="$work/fuzz" fuzz/run.sh "${FUZZ_SECONDS:-120}"
}

# Ten minutes in place of one; and a lie that is so rare that it takes a minute to be among what is
# recorded.
soak() {
    build_tests
    for arguments in "--seconds ${SOAK_SECONDS:-600}" "--seconds 60 --lie stale:10000"; do
        SOAK_ARGS=$arguments cmake --build "$work/build" --target soak
    done
}

# Other processors and C libraries: tests that exist where there are compilers for them.
foreign() {
    sh cmake/system-packages.sh foreign || left_out "compilers for other machines cannot be installed"
    for target in aarch64-unknown-linux-gnu x86_64-unknown-linux-musl; do
        rustup target add "$target" || :
    done
    build_tests
    for name in aarch64 musl; do
        if ctest --test-dir "$work/build" -N -R "^package-$name\$" | grep -q 'Total Tests: 1'; then
            ctest --test-dir "$work/build" --output-on-failure -R "^package-$name\$"
        else
            left_out "$name: there is no compiler or no Rust for it"
        fi
    done
    if command -v aarch64-linux-gnu-g++ >/dev/null && ! command -v qemu-aarch64 >/dev/null; then
        left_out "aarch64: its programs are built, and not run without qemu-user"
    fi
}

# One part of the sources: the one of which tests notice each change.
mutants() {
    has_tool mutants 25.3.1 || return 0
    MUTANTS_DIR="$work/mutants" sh tests/mutants.sh pairing
}

# shellcheck disable=SC2086 # a list
[ $# -gt 0 ] || set -- $all
for part in "$@"; do
    case " $all " in *" $part "*) ;; *) echo "$0: there is no part $part" >&2 && exit 2 ;; esac
done
: >"$work/summary"
failed=0
for part in "$@"; do
    echo "== $part"
    begun=$(date +%s)
    : >"$work/left-out"
    # Not as a condition, in which `set -e` would have no effect.
    set +e
    (
        set -e
        "$part"
    )
    status=$?
    set -e
    result=passed
    if [ "$status" -ne 0 ]; then
        result=FAILED
        failed=1
    fi
    printf '%-10s %s, %d s\n' "$part" "$result" $(($(date +%s) - begun)) >>"$work/summary"
    sed 's/^/           left out: /' "$work/left-out" >>"$work/summary"
done
echo "== summary"
cat "$work/summary"
exit "$failed"
