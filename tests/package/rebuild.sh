#!/bin/sh
# A build with nothing changed does nothing, with Ninja and with Makefiles, and each change is noticed; the version is
# that of Cargo.toml; DESTDIR and a libdir as Debian has it are kept to; the source may be part of a larger project, by
# add_subdirectory and by FetchContent, and built for libstdc++ as it was before GCC 5. No tests are built unasked. In a copy of the source, so that it can be changed, and not optimised, so that
# it does not take long.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/consume.sh"

# A debugger is not needed, and without its information all is compiled sooner.
export CARGO_PROFILE_DEV_DEBUG=0

source=$scratch/source
mkdir "$source"
tar -C "$SOURCE" --exclude=./target --exclude=./.git --exclude=./fuzz --exclude="./${BUILD#"$SOURCE/"}" -cf - . |
    tar -C "$source" -xf -

# configure_copy BUILD ARGUMENT...
configure_copy() {
    copy_build=$1
    shift
    configure "$source" "$copy_build" -DCMAKE_BUILD_TYPE=Debug \
        -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$scratch/cargo" "$@"
}
build() {
    cmake --build "$1" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; fail "$1 does not build"; }
}
rests() { # rests BUILD WHEN: there is nothing to do
    build "$1"
    if grep -E 'Building|Linking|Compiling|^\[[1-9][0-9]*/' "$scratch/build.log"; then fail "$2 there is still work"; fi
}
works() { # works BUILD WHEN: both libraries are linked anew
    build "$1"
    [ "$(grep -c 'Linking .* shared library' "$scratch/build.log")" = 2 ] ||
        { cat "$scratch/build.log"; fail "$2 a library is not linked anew"; }
    rests "$1" "$2 and a build"
}

touch "$scratch/before"
ninja=$scratch/ninja
configure_copy "$ninja" -G Ninja
works "$ninja" "at first"
if [ -e "$ninja/tests" ]; then fail "tests are built unasked"; fi
cmake --build "$ninja" | grep -qx 'ninja: no work to do.' || fail "ninja finds work"
if find "$source" -newer "$scratch/before" -not -type d | grep .; then fail "the build writes into the source"; fi

for file in Cargo.toml src/lib.rs include/rogue/interfaces/memory/Master.h; do
    sleep 0.1
    touch "$source/$file"
    works "$ninja" "after a touch of $file"
done

# Another version, in Cargo.toml (and in the lock file, where cargo notes it)
VERSION=0.97.3
sed -i "s/^version = .*/version = \"$VERSION\"/" "$source/Cargo.toml"
awk -v version="$VERSION" '
    ours { sub(/".*"/, "\"" version "\""); ours = 0 }
    /^name = "rogue-memory-bridge"$/ { ours = 1 }
    { print }
' "$SOURCE/Cargo.lock" >"$source/Cargo.lock"

make=$scratch/make
multiarch=$("$CC" -print-multiarch)
libdir=lib${multiarch:+/$multiarch}
configure_copy "$make" -G "Unix Makefiles" -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_LIBDIR="$libdir"
works "$make" "at first, with Makefiles,"
touch "$source/Cargo.toml"
works "$make" "after a touch of Cargo.toml, with Makefiles,"

DESTDIR=$scratch/destdir cmake --install "$make" >"$scratch/install.log"
[ "$(ls "$scratch/destdir")" = usr ] || fail "DESTDIR is not kept to"
[ -f "$scratch/destdir/usr/$libdir/librim.so.$VERSION" ] || fail "no librim.so.$VERSION in $libdir"
consume "$scratch/destdir/usr" "$libdir"

for fetch in OFF ON; do
    larger=$scratch/larger-$fetch
    configure "$source/tests/package/subproject" "$larger" -DSOURCE="$source" -DFETCH=$fetch \
        -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$scratch/cargo" -DCMAKE_BUILD_TYPE=Debug
    build "$larger"
    for program in "$larger"/consumer*; do
        "$program" "$VERSION" || fail "$program of the larger project fails"
    done
    cmake --install "$larger" --prefix "$scratch/larger-prefix" >"$scratch/install.log"
    [ ! -e "$scratch/larger-prefix" ] || fail "a larger project installs what it was not asked to"
done

# For the other ABI of libstdc++, as a part of a project that is built for it. The programs of it run, and a program that
# is compiled for the usual one is told so.
older=$scratch/older
configure "$source/tests/package/subproject" "$older" -DSOURCE="$source" -DROGUE_MEMORY_BRIDGE_CARGO_DIR="$scratch/cargo" \
    -DCMAKE_BUILD_TYPE=Debug -DROGUE_MEMORY_BRIDGE_INSTALL=ON -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0
build "$older"
for program in "$older"/consumer*; do
    "$program" "$VERSION" || fail "$program for the other ABI fails"
done
cmake --install "$older" --prefix "$scratch/older-prefix" >"$scratch/install.log"
for include in "-I $source/include -I $older/bridge/include" "-I $scratch/older-prefix/include"; do
    # shellcheck disable=SC2086 # a list of options
    if "$CXX" $include -c "$SOURCE/tests/package/cpp/main.cpp" -o "$scratch/main.o" 2>"$scratch/said"; then
        fail "a program for the usual ABI passes"
    fi
    grep -q 'error.*_GLIBCXX_USE_CXX11_ABI=1, and rogue-memory-bridge was built.*with 0: add' "$scratch/said" ||
        { cat "$scratch/said"; fail "it does not say what to do"; }
    # shellcheck disable=SC2086
    "$CXX" $include -D_GLIBCXX_USE_CXX11_ABI=0 -c "$SOURCE/tests/package/cpp/main.cpp" -o "$scratch/main.o" ||
        fail "a program for the other ABI is refused"
done
