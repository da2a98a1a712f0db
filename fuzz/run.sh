#!/bin/bash
# Builds the fuzz targets and runs each of them for a while, as many at a time as there are processors; fails when
# one finds something.
#
#   fuzz/run.sh SECONDS [TARGET...]     without a target: all
#   OPTIONS="-jobs=4" fuzz/run.sh ...   more options for libFuzzer
#   fuzz/run.sh build                   builds them, and runs none
#
# What is found is in fuzz/artifacts/TARGET: run the target with that file to see it again. What is learnt goes to
# fuzz/corpus-run, the seeds in fuzz/corpus stay as they are. `cargo fuzz run TARGET` works as well, where it and a
# nightly toolchain are installed; this does without: it takes minutes to install, and sets no more than the flags
# below, which RUSTC_BOOTSTRAP allows to a stable compiler.
set -euo pipefail
cd "$(dirname "$0")"

[[ ${1-} =~ ^([0-9]+|build)$ ]] || { echo "usage: fuzz/run.sh SECONDS [TARGET...]" >&2; exit 2; }
seconds=$1
shift
if [ $# -gt 0 ]; then
    targets=("$@")
else
    # Those that take the longest for one run first.
    targets=(server client handshake frames messages result address)
fi

host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Zsanitizer=address -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
# The fuzzer itself need not be compiled where clang has brought it: that would take half of the time.
library=$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null || true)
if [ -f "$library" ]; then
    export CUSTOM_LIBFUZZER_PATH=$library
fi
build=${CARGO_TARGET_DIR:-$PWD/target}
# With a target of its own name the flags do not reach what runs during the build.
cargo build --quiet --locked --release --target "$host" --target-dir "$build"
[ "$seconds" != build ] || exit 0

run() {
    local target=$1 began=$SECONDS
    local log=$build/fuzz-$target.log
    mkdir -p "artifacts/$target" "corpus-run/$target"
    # A run takes milliseconds. What takes 20 s hangs, and a single large piece of memory was asked for by a peer.
    # Leaks are looked for at the end: while it runs, a thread that is about to end would pass for one.
    # shellcheck disable=SC2086 # options are several words
    if "$build/$host/release/$target" "corpus-run/$target" "corpus/$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=4096 -entropic=0 -detect_leaks=0 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 ${OPTIONS-} >"$log" 2>&1; then
        echo "$target: $(grep -o 'cov: .*corp: [^ ]*' "$log" | tail -1)," \
            "$(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "$log" | tail -1) in $((SECONDS - began)) s"
    else
        echo "$target has found something:" >&2
        grep -v -E '^#[0-9]|NEW_FUNC' "$log" | tail -60 >&2
        return 1
    fi
}
export -f run
export seconds build host
printf '%s\n' "${targets[@]}" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -euo pipefail -c 'run {}'
