#!/bin/sh
# Cross-compiling: what the toolchain file says becomes a Rust target, cargo is called for that with the compilers and
# flags of CMake, and a target that Rust cannot build for is told when configuring. Here rustc and cargo are scripts
# that note what they are asked, so that it does not depend on what is installed; aarch64.sh compiles in earnest.
. "$(dirname "$0")/common.sh"

tools=$scratch/tools
mkdir -p "$tools/libs/aarch64-unknown-linux-gnu" "$tools/libs/armv7-unknown-linux-gnueabihf"
touch "$tools/libs/aarch64-unknown-linux-gnu/libstd-0.rlib" "$tools/libs/armv7-unknown-linux-gnueabihf/libstd-0.rlib"
cat >"$tools/rustc" <<'END_RUSTC'
#!/bin/sh
[ "$1 $2 $3" = "--print target-libdir --target" ] || exit 1
case $4 in nonsense) echo "error: could not find specification for target" >&2; exit 1 ;; esac
echo "$(dirname "$0")/libs/$4"
END_RUSTC
cat >"$tools/cargo" <<'END_CARGO'
#!/bin/sh
echo "arguments: $*"
env | grep -E '^(C|CXX|AR|CFLAGS|CXXFLAGS)[A-Z]*_[a-z0-9_]+='
exit 1
END_CARGO
# The compiler says for which machine it builds; else it is that of this machine.
cat >"$tools/cc" <<END_CC
#!/bin/sh
if [ "\$1" = -dumpmachine ] && [ -f "$tools/machine" ]; then exec cat "$tools/machine"; fi
exec "$CC" "\$@"
END_CC
chmod +x "$tools/rustc" "$tools/cargo" "$tools/cc"

# cross PROCESSOR MACHINE ARGUMENT...: configures anew with a toolchain file that names the processor
cross() {
    echo "$2" >"$tools/machine"
    printf 'set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR %s)\n' "$1" >"$tools/toolchain.cmake"
    shift 2
    rm -rf "$scratch/build"
    cmake -S "$SOURCE" -B "$scratch/build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$tools/toolchain.cmake" \
        -DCMAKE_C_COMPILER="$tools/cc" -DCMAKE_CXX_COMPILER="$CXX" -DCARGO_COMMAND="$tools/cargo" \
        -DRUSTC_COMMAND="$tools/rustc" "$@" >"$scratch/said" 2>&1
}
said() { # said WORD...: each is in what CMake said
    for word in "$@"; do
        tr -s '\n ' ' ' <"$scratch/said" | grep -qF -- "$word" ||
            { cat "$scratch/said"; fail "it does not say: $word"; }
    done
}
mapped() { # mapped PROCESSOR MACHINE TARGET
    cross "$1" "$2" || { cat "$scratch/said"; fail "$1, $2: it cannot be configured"; }
    said "for $3"
    grep -q "^ROGUE_MEMORY_BRIDGE_RUST_TARGET:STRING=$3$" "$scratch/build/CMakeCache.txt" || fail "$1, $2: not $3"
}
refused() { # refused PROCESSOR MACHINE
    if cross "$1" "$2"; then fail "$1, $2: a target was found"; fi
    said "\"$1\"" "\"$2\"" -DROGUE_MEMORY_BRIDGE_RUST_TARGET=
}

mapped arm64 aarch64-poky-linux aarch64-unknown-linux-gnu
mapped armv7l arm-linux-gnueabihf armv7-unknown-linux-gnueabihf
refused aarch64 aarch64-linux-musl
refused mips mips-linux-gnu

# Rust cannot build for it
if cross riscv64 riscv64-linux-gnu; then fail "a missing standard library is not noticed"; fi
said "riscv64gc-unknown-linux-gnu is not installed" "rustup target add riscv64gc-unknown-linux-gnu"
if cross mips mips-linux-gnu -DROGUE_MEMORY_BRIDGE_RUST_TARGET=nonsense; then fail "nonsense is a target"; fi
said "cannot build for nonsense" "could not find specification"

# What cargo is asked
cross aarch64 aarch64-linux-gnu -DCMAKE_C_FLAGS=-DCROSS_C -DCMAKE_CXX_FLAGS=-DCROSS_CXX \
    -DCMAKE_AR="$tools/aarch64-ar" -DCMAKE_SYSROOT=/ -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$scratch/cargo" ||
    { cat "$scratch/said"; fail "it cannot be configured"; }
grep -q '^ROGUE_MEMORY_BRIDGE_TESTS:BOOL=OFF$' "$scratch/build/CMakeCache.txt" ||
    fail "tests of another machine are built"
if cmake --build "$scratch/build" >"$scratch/said" 2>&1; then fail "a failing cargo goes unnoticed"; fi
target=aarch64_unknown_linux_gnu
said "--target aarch64-unknown-linux-gnu --target-dir $scratch/cargo" "CC_$target=$tools/cc" "CXX_$target=$CXX" \
    "AR_$target=$tools/aarch64-ar" "CFLAGS_$target=-DCROSS_C --sysroot=/" "CXXFLAGS_$target=-DCROSS_CXX --sysroot=/"
