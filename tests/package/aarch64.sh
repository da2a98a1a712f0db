#!/bin/sh
# Cross-compiled in earnest: the libraries, shared and static, and the demo against them, which runs if there is qemu.
# Only where there are a cross compiler and Rust's standard library for aarch64: see tests/package.cmake.
. "$(dirname "$0")/common.sh"

cat >"$scratch/toolchain.cmake" <<'END_TOOLCHAIN'
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
END_TOOLCHAIN

cross() { # cross SOURCE BUILD ARGUMENT...
    cross_source=$1
    cross_build=$2
    shift 2
    cmake -S "$cross_source" -B "$cross_build" -DCMAKE_TOOLCHAIN_FILE="$scratch/toolchain.cmake" "$@"
    cmake --build "$cross_build"
}
cross "$SOURCE" "$scratch/build" -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$BUILD/cargo-aarch64"
cmake --install "$scratch/build" --prefix "$scratch/prefix"
cross "$SOURCE/examples" "$scratch/examples" -DCMAKE_PREFIX_PATH="$scratch/prefix"
cross "$SOURCE/tests/package/cpp" "$scratch/static" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DLIBRARY=static
for file in "$scratch"/prefix/lib*/*.so.* "$scratch"/examples/server "$scratch"/static/consumer; do
    readelf -h "$file" | grep -q 'Machine: *AArch64' || fail "$file is not for aarch64"
done

command -v qemu-aarch64 >/dev/null || exit 0
export QEMU_LD_PREFIX="${QEMU_LD_PREFIX-/usr/aarch64-linux-gnu}"
qemu-aarch64 "$scratch/static/consumer" "$VERSION" || fail "the static library fails"
mkdir "$scratch/demo"
for program in server client client-c; do
    printf '#!/bin/sh\nexec qemu-aarch64 "%s" "$@"\n' "$scratch/examples/$program" >"$scratch/demo/$program"
    chmod +x "$scratch/demo/$program"
done
sh "$SOURCE/examples/demo.sh" "$scratch/demo" || fail "the demo fails"
