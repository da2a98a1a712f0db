#!/bin/sh
# A program that is compiled for another C++ standard library than the bridge was built with stops the compiler with a
# sentence that says what to do: without CMake, with CMake, and from the stand-in for Rogue. In C nothing stops it.
# rebuild.sh has a bridge that was itself built with another one.
. "$(dirname "$0")/common.sh"

prefix=$scratch/prefix
install_to "$prefix"
case $(cat "$prefix/include/rogue/BuiltWith.h") in
*"LIBCXX 0"*"CXX11_ABI 1"*"CONTAINERS 0"*) ;;
*)
    echo "the bridge was built for another standard library than that of GCC: this test does not fit"
    exit 0
    ;;
esac

# What says libc++, where it is not installed: its headers are known by one macro.
mkdir "$scratch/libc++"
printf '#define _LIBCPP_VERSION 14000\n#include_next <cstddef>\n' >"$scratch/libc++/cstddef"

old_abi="_GLIBCXX_USE_CXX11_ABI=0, and rogue-memory-bridge was built with 1: leave out"
libcxx="compiled for libc++, and rogue-memory-bridge was built with libstdc++: leave out -stdlib=libc++"
stops() { # stops SENTENCE COMMAND...
    sentence=$1
    shift
    if "$@" >"$scratch/said" 2>&1; then fail "this passes: $*"; fi
    # As it wraps long lines, CMake's own output is not looked at but the compiler's.
    grep 'error:' "$scratch/said" | grep -qF -- "$sentence" || { cat "$scratch/said"; fail "$*: it does not say: $sentence"; }
    [ "$(grep -c 'error:' "$scratch/said")" -le 2 ] || { cat "$scratch/said"; fail "$*: the sentence is buried"; }
    ! grep -q 'undefined reference' "$scratch/said" || fail "$*: the linker is reached"
}

program=$SOURCE/tests/package/cpp/main.cpp
for compiler in "$CXX" clang++; do
    command -v "$compiler" >/dev/null || fail "$compiler is missing"
    for header in $(cd "$SOURCE/include" && find rogue -name '*.h' ! -name rim.h); do
        echo "#include \"$header\"" >"$scratch/one.cpp"
        stops "$old_abi" "$compiler" -D_GLIBCXX_USE_CXX11_ABI=0 -I "$prefix/include" -E "$scratch/one.cpp"
    done
    stops "$libcxx" "$compiler" -isystem "$scratch/libc++" -I "$prefix/include" -c "$program" -o "$scratch/main.o"
    "$compiler" -D_GLIBCXX_USE_CXX11_ABI=1 -I "$prefix/include" -c "$program" -o "$scratch/main.o" ||
        fail "$compiler: the standard library that it was built with is refused"
    "$compiler" -D_GLIBCXX_USE_CXX11_ABI=0 -x c "$SOURCE/tests/package/c/main.c" -I "$prefix/include" -c \
        -o "$scratch/main.o" || fail "$compiler: a program in C is refused"

    # The debug mode changes the vectors alone: everything but what returns one can be used.
    "$compiler" -D_GLIBCXX_DEBUG -I "$prefix/include" "$program" -L "$prefix/$LIBDIR" -lrogue-memory-bridge \
        -Wl,-rpath,"$prefix/$LIBDIR" -o "$scratch/debug" || fail "$compiler: _GLIBCXX_DEBUG is refused"
    "$scratch/debug" "$VERSION" || fail "$compiler: with _GLIBCXX_DEBUG it does not run"
    cat >"$scratch/vector.cpp" <<'END'
#include "rogue/interfaces/memory/TcpServer.h"
size_t clients(const rogue::interfaces::memory::TcpServer& server) { return server.peerStats().size(); }
END
    "$compiler" -c -I "$prefix/include" "$scratch/vector.cpp" -o "$scratch/vector.o" || fail "peerStats cannot be called"
    stops "not built with the same _GLIBCXX_DEBUG" \
        "$compiler" -D_GLIBCXX_DEBUG -c -I "$prefix/include" "$scratch/vector.cpp" -o "$scratch/vector.o"
done

# With CMake, and through find_package(Rogue)
configure "$SOURCE/tests/package/cpp" "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0
stops "$old_abi" cmake --build "$scratch/cmake"
configure "$SOURCE/tests/package/old" "$scratch/old" -DWANTED= -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0 \
    -DRogue_DIR="$prefix/$LIBDIR/cmake/RogueMemoryBridge/rogue"
stops "$old_abi" cmake --build "$scratch/old"
