#!/bin/sh
# With musl-gcc, which is made of a compiler for glibc, in earnest: the C interface alone, shared and static, and its static
# library alone. Only where there are musl-gcc and Rust's standard library for musl: see tests/package.cmake.
. "$(dirname "$0")/common.sh"

CC=musl-gcc
program=$SOURCE/tests/c/tcp_bridge.c # both ends, one against the other
for shared in ON OFF; do
    prefix=$scratch/prefix-$shared
    cmake -S "$SOURCE" -B "$scratch/build-$shared" -DCMAKE_C_COMPILER=musl-gcc -DROGUE_MEMORY_BRIDGE_CXX=OFF \
        -DROGUE_MEMORY_BRIDGE_SHARED=$shared -DCMAKE_BUILD_TYPE=Debug -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$BUILD/cargo-musl"
    cmake --build "$scratch/build-$shared"
    cmake --install "$scratch/build-$shared" --prefix "$prefix"
    export PKG_CONFIG_PATH="$prefix/$LIBDIR/pkgconfig"
    if [ $shared = ON ]; then
        readelf -d "$prefix/$LIBDIR/librim.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$scratch/needed"
        [ "$(cat "$scratch/needed")" = libc.so ] || { cat "$scratch/needed"; fail "librim needs more than musl"; }
        # shellcheck disable=SC2046 # words are meant
        musl-gcc "$program" $(pkg-config --cflags --libs rim) -Wl,-rpath,"$prefix/$LIBDIR" -o "$scratch/dynamic"
        "$scratch/dynamic" || fail "a program with the shared library fails"
    elif find "$prefix" -name '*.so*' -o -name '*.h' ! -name rim.h ! -path '*/share/*' | grep .; then
        fail "there is more than the static library of the C interface"
    fi
    # shellcheck disable=SC2046 # words are meant
    musl-gcc -static "$program" $(pkg-config --static --cflags --libs rim) -o "$scratch/static"
    if readelf -d "$scratch/static" | grep NEEDED; then fail "a static program needs a library"; fi
    "$scratch/static" || fail "a static program fails"
    configure "$SOURCE/tests/package/c" "$scratch/consumer-$shared" -DCMAKE_PREFIX_PATH="$prefix" -DLIBRARY=rim_static
    cmake --build "$scratch/consumer-$shared"
    "$scratch/consumer-$shared/consumer" "$VERSION" || fail "find_package: its program fails"
done
