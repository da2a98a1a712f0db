#!/bin/sh
# Which machine and C library is built for. Cross-compiling: what the toolchain file says becomes a Rust target, cargo is called for that with the compilers and
# flags of CMake, and a target that Rust cannot build for is told when configuring. So are compilers that are for different
# C libraries. Here rustc and cargo are scripts that note what they are asked, so that it does not depend on what is
# installed; aarch64.sh and musl.sh compile in earnest.
. "$(dirname "$0")/common.sh"

tools=$scratch/tools
mkdir -p "$tools/libs/aarch64-unknown-linux-gnu" "$tools/libs/armv7-unknown-linux-gnueabihf"
touch "$tools/libs/aarch64-unknown-linux-gnu/libstd-0.rlib" "$tools/libs/armv7-unknown-linux-gnueabihf/libstd-0.rlib"
mkdir "$tools/libs/x86_64-unknown-linux-musl" "$tools/libs/x86_64-unknown-linux-gnu"
touch "$tools/libs/x86_64-unknown-linux-musl/libstd-0.rlib" "$tools/libs/x86_64-unknown-linux-gnu/libstd-0.rlib"
cat >"$tools/rustc" <<'END_RUSTC'
#!/bin/sh
if [ "$1" = -vV ]; then
    echo "host: x86_64-unknown-linux-gnu"
    echo "release: ${RELEASE-1.99.0-nightly}"
    exit
fi
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
# A compiler for musl, by what its headers define
for compiler in "$CC" "$CXX"; do
    cat >"$tools/musl-$(basename "$compiler")" <<END_MUSL
#!/bin/sh
case "\$*" in *"-E -P"*) "$compiler" "\$@" | sed 's/libc is glibc/libc is musl/' ;; *) exec "$compiler" "\$@" ;; esac
END_MUSL
done
chmod +x "$tools"/rustc "$tools"/cargo "$tools"/cc "$tools"/musl-*

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

# Rust is too old
if (export RELEASE=1.87.0 && cross aarch64 aarch64-linux-gnu); then fail "an old Rust is not noticed"; fi
minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$SOURCE/Cargo.toml")
said "needs $minimum or later, and $tools/rustc is 1.87.0" "rustup update"
(export RELEASE="$minimum.0" && cross aarch64 aarch64-linux-gnu) || { cat "$scratch/said"; fail "Rust $minimum is refused"; }

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

# Compilers for musl on a machine with glibc
native() { # native C-COMPILER CXX-COMPILER ARGUMENT...
    native_cc=$1
    native_cxx=$2
    shift 2
    rm -rf "$scratch/build"
    cmake -S "$SOURCE" -B "$scratch/build" -DCMAKE_C_COMPILER="$native_cc" -DCMAKE_CXX_COMPILER="$native_cxx" \
        -DCARGO_COMMAND="$tools/cargo" -DRUSTC_COMMAND="$tools/rustc" "$@" >"$scratch/said" 2>&1
}
musl_cc=$tools/musl-$(basename "$CC")
musl_cxx=$tools/musl-$(basename "$CXX")
if native "$musl_cc" "$CXX"; then fail "a C compiler for musl passes beside a C++ compiler for glibc"; fi
said "is for musl, and the C++ compiler" "for glibc: they cannot be linked together" \
    -DROGUE_MEMORY_BRIDGE_CXX=OFF -DROGUE_MEMORY_BRIDGE_SHARED=OFF
if native "$CC" "$musl_cxx"; then fail "a C++ compiler for musl passes beside a C compiler for glibc"; fi
said "is for glibc, and the C++ compiler" "for musl"
if native "$musl_cc" "$musl_cxx" -DROGUE_MEMORY_BRIDGE_RUST_TARGET=x86_64-unknown-linux-gnu; then
    fail "a target for glibc passes with compilers for musl"
fi
said "is for musl, and Rust's target x86_64-unknown-linux-gnu for glibc"
for compilers in "$musl_cc:$musl_cxx:ON" "$musl_cc:$CXX:OFF"; do
    rest=${compilers#*:}
    native "${compilers%%:*}" "${rest%:*}" -DROGUE_MEMORY_BRIDGE_CXX="${rest#*:}" ||
        { cat "$scratch/said"; fail "$compilers cannot be configured"; }
    grep -q "^ROGUE_MEMORY_BRIDGE_RUST_TARGET:STRING=x86_64-unknown-linux-musl$" "$scratch/build/CMakeCache.txt" ||
        fail "$compilers: it is built for another target"
done
if cmake --build "$scratch/build" >"$scratch/said" 2>&1; then fail "a failing cargo goes unnoticed"; fi
said "--target x86_64-unknown-linux-musl" "CC_x86_64_unknown_linux_musl=$musl_cc"
if grep -E 'features|^CXX' "$scratch/said"; then fail "the C interface alone asks for C++"; fi
