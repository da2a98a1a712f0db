#!/bin/sh
# The tests of the Rust, C and C++ code under sanitizers: AddressSanitizer with the search for leaks, and, for C and C++,
# UndefinedBehaviorSanitizer; ThreadSanitizer. CONTRIBUTING.md tells what that takes.
#
#   sh tests/sanitizers.sh [PART]...    all four, unless some are named:
#       address-rust address-programs thread-rust thread-programs (programs: those in C and C++)
#
# SANITIZERS_DIR is where it builds: build/sanitizers. SANITIZERS_BUILD=only: builds what cargo builds, and runs nothing.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
work=${SANITIZERS_DIR:-build/sanitizers}
mkdir -p "$work"
work=$(cd "$work" && pwd)
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
cxx=${CXX:-c++}
cc=${CC:-cc}
PATH=$PATH:$HOME/.cargo/bin
target=$(rustc -vV | sed -n 's/^host: //p')
in_names=$(echo "$target" | tr - _)

step() {
    echo "-- $sanitizer: $*"
}

# The sources, with what a sanitizer needs changed. Files that stay the same keep their age, for cargo.
copy() {
    new=$work/$sanitizer/new
    tree=$work/$sanitizer/tree
    rm -rf "$new"
    mkdir -p "$new/tests" "$new/examples" "$tree"
    cp -R src cpp include build.rs Cargo.lock "$new"
    cp -R tests/rust tests/c tests/cpp "$new/tests"
    cp tests/sanitizers/planted.rs "$new/examples"
    # Without what only other tests need, and the tests that look at the sources or measure.
    awk 'BEGIN { RS = ""; ORS = "\n\n" }
        /^\[dev-dependencies\]/ { next }
        /^\[\[test\]\]/ && !/tests\/rust\/(bridge|wire)\.rs/ { next }
        { sub(/, "staticlib"\]/, "]"); print }' Cargo.toml >"$new/Cargo.toml"
    (cd "$new" && find . -type f) | while read -r file; do
        # Cargo adds to its lock file.
        if [ "$file" = ./Cargo.lock ] && [ -e "$tree/Cargo.lock" ] && [ ! Cargo.lock -nt "$tree/Cargo.lock" ]; then
            continue
        fi
        cmp -s "$new/$file" "$tree/$file" && continue
        mkdir -p "$(dirname "$tree/$file")"
        cp "$new/$file" "$tree/$file"
    done
    (cd "$tree" && find src cpp include tests examples -type f) | while read -r file; do
        [ -e "$new/$file" ] || rm "$tree/$file"
    done
    cd "$tree"
}

# ThreadSanitizer must see the locks of the standard library, so that is built with the rest: by the nightly toolchain,
# which has its sources. AddressSanitizer does without.
run_cargo() {
    env RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg no_reuse -Zsanitizer=$sanitizer $abi" CARGO_INCREMENTAL=0 \
        CARGO_PROFILE_DEV_DEBUG=line-tables-only \
        "CC_$in_names=$cc" "CXX_$in_names=$cxx" "CFLAGS_$in_names=$flags" "CXXFLAGS_$in_names=$flags" \
        CARGO_TARGET_DIR="$work/target" $cargo "$@" --quiet --target "$target"
}

# ThreadSanitizer reports a race that is there, and none where a lock of the standard library is contended.
planted_race() {
    step "a planted race"
    run_cargo build --example planted
    planted=$work/target/$target/debug/examples/planted
    "$planted" lock
    if "$planted" race >"$work/$sanitizer/planted.log" 2>&1 || ! grep -q 'data race' "$work/$sanitizer/planted.log"; then
        echo "a data race was not reported" >&2
        return 1
    fi
}

rust_tests() {
    if [ "$sanitizer" = thread ]; then
        planted_race
    fi
    # The tests of the wire have one thread each.
    tests="--lib --test bridge"
    [ "$sanitizer" = thread ] || tests="$tests --test wire"
    step "Rust: building"
    # shellcheck disable=SC2086 # a list
    run_cargo test --no-run $tests
    [ "${SANITIZERS_BUILD-}" != only ] || return 0
    step "Rust: running"
    # Under ThreadSanitizer the tests do not mostly wait any more.
    threads=${RUST_TEST_THREADS:-$(getconf _NPROCESSORS_ONLN)}
    [ "$sanitizer" != thread ] || threads=$(getconf _NPROCESSORS_ONLN)
    # shellcheck disable=SC2086
    RUST_TEST_THREADS=$threads run_cargo test $tests
}

# program FACE SOURCE: builds one of the programs in tests/c or tests/cpp, as tests/CMakeLists.txt has it, and runs it.
program() {
    name=$(basename "$2")
    name=$1-${name%.*}
    seconds=$(find "tests/$1" -name "$(basename "${2%.*}")_second.*")
    case $1 in
    c) compile="$cc -std=gnu99" ;;
    cpp) compile="$cxx -std=gnu++14" ;;
    esac
    # The runtime is Rust's, whole, and the compiler is not to bring its own.
    objects=
    # shellcheck disable=SC2086 # lists, here and below
    for source in $2 $seconds; do
        object=$work/$sanitizer/programs/$(basename "$source").o
        $compile $flags -O0 -g1 -Iinclude "-Itests/$1/standin" -c "$source" -o "$object"
        objects="$objects $object"
    done
    $cxx $objects "$archive" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -lpthread -ldl -lrt -lm \
        -fuse-ld=gold -o "$work/$sanitizer/programs/$name"
    if timeout 120 "$work/$sanitizer/programs/$name" >"$work/$sanitizer/programs/$name.log" 2>&1; then
        echo "   $name"
    else
        echo "   $name: failed"
        cat "$work/$sanitizer/programs/$name.log"
        return 1
    fi
}

programs() {
    step "C and C++: building the library"
    run_cargo rustc --lib --crate-type staticlib --features cpp
    [ "${SANITIZERS_BUILD-}" != only ] || return 0
    mkdir -p "$work/$sanitizer/programs"
    step "C and C++: building the programs, and running them"
    export sanitizer work cc cxx flags archive runtime
    # Without those that show that something compiles, and has a text or a number, and those about what the process
    # may have, of which a sanitizer takes its own share.
    find tests/c tests/cpp -maxdepth 1 -name '*.c*' ! -name '*_second.*' | sort |
        grep -vE 'cpp/(beside_rogue|constants|double_include|forward_.*|gil|helpers|row_17_.*|version)\.cpp$' |
        grep -vE '/(churn|ended|exhausted_.*|exited|forked|row_32_.*|daemon|closed_stdio|cancelled|interrupted|broken_pipe)\.c' |
        xargs -P "$jobs" -n 1 sh "$root/tests/sanitizers.sh" --program
}

if [ "${1-}" = --program ]; then
    cd "$work/$sanitizer/tree"
    program "$(basename "$(dirname "$2")")" "$2"
    exit
fi

[ $# -gt 0 ] || set -- address-rust address-programs thread-rust thread-programs
begun=$(date +%s)
result=passed
[ "${SANITIZERS_BUILD-}" != only ] || result=built
for part in "$@"; do
    sanitizer=${part%-*}
    case $part in
    address-rust | address-programs)
        cargo=cargo
        libdir=$(rustc --print target-libdir)
        abi=-Cunsafe-allow-abi-mismatch=sanitizer
        flags="-fsanitize=address,undefined -fno-sanitize=vptr,null -fsanitize-undefined-trap-on-error"
        export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
        export LSAN_OPTIONS="suppressions=$root/tests/sanitizers/leaks.supp:print_suppressions=0"
        ;;
    thread-rust | thread-programs)
        if ! sh "$root/tests/rust-nightly.sh" rust-src; then
            echo "-- $part: left out: there is no nightly toolchain with rust-src"
            continue
        fi
        cargo="cargo +nightly -Zbuild-std"
        abi=
        libdir=$(rustc +nightly --print target-libdir)
        flags=-fsanitize=thread
        export TSAN_OPTIONS="history_size=4 suppressions=$root/tests/sanitizers/thread.supp"
        ;;
    *)
        echo "there is no part $part" >&2
        exit 2
        ;;
    esac
    short=$(echo "$sanitizer" | cut -c1 | sed 's/$/san/')
    runtime=$(find "$libdir" -name "librustc-*_rt.$short.a")
    archive=$work/target/$target/debug/librogue_memory_bridge.a
    copy
    case $part in
    *-rust) rust_tests ;;
    *-programs) programs ;;
    esac
    cd "$root"
    echo "-- $part: all $result; $(($(date +%s) - begun)) s so far"
done
