#!/bin/sh
# ReplaceRogueBridge.cmake, on a made-up tree with the names of Rogue's: it replaces the bridge in it, shared and
# static, and stops with a sentence where the tree is not as it should be.
. "$(dirname "$0")/../package/common.sh"

install_to "$scratch/prefix"
replace=$scratch/prefix/$LIBDIR/cmake/RogueMemoryBridge/ReplaceRogueBridge.cmake
here=$SOURCE/tests/rogue

# A tree of its own in $scratch/$1
tree() {
    mkdir -p "$scratch/$1/src/rogue/interfaces/memory" "$scratch/$1/test"
    cp "$here/tree/CMakeLists.txt" "$scratch/$1"
    cp -R "$here/standin/include" "$scratch/$1"
    cp "$here"/standin/*.cpp "$scratch/$1/src"
    cp "$here"/standin/own/*.cpp "$scratch/$1/src/rogue/interfaces/memory"
    cp -R "$here/tree" "$here/bus.h" "$scratch/$1/test"
    mkdir "$scratch/$1/cpp"
    cp "$SOURCE/tests/cpp/check.h" "$scratch/$1/cpp"
}

configure_with_bridge() {
    configure "$scratch/$1" "$scratch/$1/build" -DCMAKE_CXX_COMPILER_WORKS=ON -DSTATIC_LIB=ON \
        -DCMAKE_PROJECT_rogue_INCLUDE="$replace"
}

tree good
configure_with_bridge good >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "the tree is refused"; }
grep -q "replaces Rogue's memory TCP bridge" "$scratch/said" || fail "it does not say that the bridge is replaced"
cmake --build "$scratch/good/build" --parallel 2 >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "no build"; }
if grep 'warning:' "$scratch/said"; then fail "the compiler warns"; fi
# As with Rogue, its library is found by LD_LIBRARY_PATH; librim is found by Rogue's library itself.
says() { # says PROGRAM FOLDER-OF-LIBRARIES
    said=$(LD_LIBRARY_PATH=$2 "$scratch/good/build/$1" 2>&1) && exit=0 || exit=$?
    [ "$said $exit" = "replaced 0" ] || fail "$1 says: $said ($exit)"
}
says which "$scratch/good/build"
says which-static "$scratch/prefix/$LIBDIR"
cmp -s "$here/tree/CMakeLists.txt" "$scratch/good/CMakeLists.txt" || fail "the tree was changed"

# refused WHAT: the tree in $scratch/bad is refused, and the sentence says WHAT
refused() {
    if configure_with_bridge bad >"$scratch/said" 2>&1; then fail "not refused: $1"; fi
    # CMake breaks lines as it likes.
    tr -s ' \n' ' ' <"$scratch/said" >"$scratch/sentence"
    grep -F "is not a Rogue that it knows" "$scratch/sentence" | grep -qF "$1" ||
        { cat "$scratch/said"; fail "it does not say: $1"; }
    rm -rf "$scratch/bad"
}
list=CMakeLists.txt
headers=include/rogue/interfaces/memory

tree bad
sed -i 's/rogue-core-shared/rogue-common/g' "$scratch/bad/$list"
refused "it has no target rogue-core-shared"

tree bad
sed -i '/TcpClient.cpp/d' "$scratch/bad/$list"
refused "has 0 sources interfaces/memory/TcpClient.cpp"

tree bad
mkdir -p "$scratch/bad/src/interfaces/memory"
cp "$here/standin/own/TcpServer.cpp" "$scratch/bad/src/interfaces/memory"
sed -i 's|src/bus.cpp|src/bus.cpp src/interfaces/memory/TcpServer.cpp|' "$scratch/bad/$list"
refused "has 2 sources interfaces/memory/TcpServer.cpp"

tree bad
sed -i 's/waitReadyOnStart_/readyFirst_/' "$scratch/bad/$headers/TcpClient.h"
refused 'TcpClient.h has no "bool waitReadyOnStart_"'

tree bad
rm "$scratch/bad/$headers/TcpServer.h"
refused "it has no rogue/interfaces/memory/TcpServer.h"
