# Sourced by the tests of an installed tree: builds and runs the C and the C++ program of this folder against it, found
# by CMake and by pkg-config.
# shellcheck shell=sh

# consume PREFIX LIBDIR
consume() {
    prefix=$1
    libdir=$1/$2
    minor=${VERSION%.*}
    wrong=${minor%.*}.$((${minor#*.} + 1))
    for face in c cpp; do
        build=$scratch/consume-$face
        rm -rf "$build"
        configure "$SOURCE/tests/package/$face" "$build" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$minor" ||
            fail "$face: find_package fails"
        grep -q "^RogueMemoryBridge_DIR:PATH=$libdir/cmake/RogueMemoryBridge$" "$build/CMakeCache.txt" ||
            fail "$face: another package was found"
        cmake --build "$build" || fail "$face: it does not build"
        "$build/consumer" "$VERSION" || fail "$face: it fails"
        if cmake -DWANTED="$wrong" "$build" >"$scratch/wrong.log" 2>&1; then
            fail "$face: version $wrong was found in $VERSION"
        fi
    done

    export PKG_CONFIG_PATH="$libdir/pkgconfig"
    [ "$(pkg-config --modversion rim rogue-memory-bridge)" = "$VERSION
$VERSION" ] || fail "pkg-config tells another version"
    flags=$(pkg-config --cflags --libs rim)
    case $flags in *"$libdir"*) ;; *) fail "pkg-config leads elsewhere: $flags" ;; esac
    "$CC" -std=c99 -Wall -Wextra -Wpedantic -Werror "$SOURCE/tests/package/c/main.c" $flags -o "$scratch/pc-c"
    "$CXX" -std=c++14 -Wall -Wextra -Wpedantic -Werror "$SOURCE/tests/package/cpp/main.cpp" \
        $(pkg-config --cflags --libs rogue-memory-bridge) -o "$scratch/pc-cpp"
    for face in c cpp; do
        LD_LIBRARY_PATH=$libdir "$scratch/pc-$face" "$VERSION" || fail "$face with pkg-config: it fails"
    done
}
