#!/bin/sh
# The static libraries: they show the same names as the shared ones and no other, name what they need of the system, and
# make programs that need no library of ours, also beside another library that has Rust in it.
. "$(dirname "$0")/common.sh"

prefix=$scratch/prefix
install_to "$prefix"

names() { # names NM-OPTION LIBRARY
    nm "$1" --defined-only "$2" | awk 'NF == 3 { print $3 }' | sort -u
}
for library in "$LIBRIM" "$LIBBRIDGE"; do
    static=$prefix/$LIBDIR/$(basename "${library%.so*}").a
    names -D "$library" >"$scratch/shared-names"
    names -g "$static" >"$scratch/static-names"
    [ -s "$scratch/static-names" ] || fail "$static shows nothing"
    diff "$scratch/shared-names" "$scratch/static-names" >&2 || fail "$static shows other names than $library"
done

# alone PROGRAM WHAT: it runs, and without our libraries
alone() {
    "$1" "$VERSION" || fail "$2: it fails"
    if readelf -d "$1" | grep -E 'NEEDED.*(librim|librogue)' >&2; then fail "$2: it needs our library"; fi
}

for kind in c:rim_static c:static cpp:static; do
    build=$scratch/$kind
    configure "$SOURCE/tests/package/${kind%:*}" "$build" -DCMAKE_PREFIX_PATH="$prefix" -DLIBRARY="${kind#*:}" ||
        fail "$kind: it cannot be configured"
    cmake --build "$build" || fail "$kind: it does not build"
    alone "$build/consumer" "$kind"
done

# All of the program static, by pkg-config, where the C library can be had so
export PKG_CONFIG_PATH="$prefix/$LIBDIR/pkgconfig"
echo 'int main(void) { return 0; }' >"$scratch/nothing.c"
if "$CC" -static "$scratch/nothing.c" -o "$scratch/nothing" 2>/dev/null; then
    "$CC" "$SOURCE/tests/package/c/main.c" -static $(pkg-config --static --cflags --libs rim) -o "$scratch/all-c"
    alone "$scratch/all-c" "all static, C"
    "$CXX" "$SOURCE/tests/package/cpp/main.cpp" -static $(pkg-config --static --cflags --libs rogue-memory-bridge) \
        -o "$scratch/all-cpp"
    alone "$scratch/all-cpp" "all static, C++"
fi

# Beside another static library made by Rust, wholly linked in, so that every name of the two meets
foreign=$SOURCE/tests/package/foreign
"$RUSTC" --edition 2021 --crate-type staticlib -O "$foreign/foreign.rs" -o "$scratch/libforeign.a"
for order in "-Wl,--whole-archive $scratch/libforeign.a $prefix/$LIBDIR/librim.a -Wl,--no-whole-archive" \
    "-Wl,--whole-archive $prefix/$LIBDIR/librim.a $scratch/libforeign.a -Wl,--no-whole-archive"; do
    "$CC" -I "$prefix/include" "$foreign/main.c" $order -pthread -ldl -lrt -lm -o "$scratch/beside" ||
        fail "it cannot be linked beside another Rust library"
    alone "$scratch/beside" "beside another Rust library"
done
