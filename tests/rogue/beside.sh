#!/bin/sh
# The bridge beside a Rogue that is installed, without a rebuild of it: by LD_PRELOAD, by link order, in a program that
# loads Rogue late. With a Rogue that it was not built for it steps aside, says why, and the program goes on.
. "$(dirname "$0")/../package/common.sh"

if [ "$(uname -s)" != Linux ]; then exit 77; fi
install_to "$scratch/prefix"
here=$SOURCE/tests/rogue
flags="-std=c++14 -O0 -fPIC -DNO_PYTHON -I$here/standin/include"

# An installed Rogue: the stand-in, with a bridge of its own.
rogue=$scratch/rogue
mkdir -p "$rogue/lib" "$rogue/o"
for source in "$here"/standin/*.cpp "$here"/standin/own/*.cpp; do
    # shellcheck disable=SC2086 # a list of flags
    $CXX $flags -c "$source" -o "$rogue/o/$(basename "$source" .cpp).o" &
done
wait
# a_rogue FOLDER [OBJECT-REPLACED SOURCE FLAG...]: another one, of which one object differs
a_rogue() {
    folder=$1
    mkdir -p "$folder/lib" "$folder/o"
    [ "$folder" = "$rogue" ] || cp "$rogue"/o/*.o "$folder/o"
    if [ $# -gt 1 ]; then
        object=$2 source=$3
        shift 3
        # shellcheck disable=SC2086 # a list of flags
        $CXX $flags "$@" -c "$source" -o "$folder/o/$object"
    fi
    $CXX -shared -Wl,-soname,librogue-core.so.v6.15 "$folder"/o/*.o -o "$folder/lib/librogue-core.so.v6.15" -pthread
}
a_rogue "$rogue"
cat >"$rogue/lib/RogueConfig.cmake" <<EOF
set(NO_PYTHON 1)
add_definitions(-DNO_PYTHON)
set(ROGUE_INCLUDE_ONLY "$here/standin/include")
set(ROGUE_INCLUDE_DIRS "$here/standin/include")
set(ROGUE_LIBRARIES_ONLY "$rogue/lib/librogue-core.so.v6.15")
set(ROGUE_LIBRARIES "$rogue/lib/librogue-core.so.v6.15")
set(ROGUE_VERSION v6.15.0)
EOF

package=$scratch/prefix/share/rogue-memory-bridge/rogue
configure "$package" "$scratch/build" -DRogue_DIR="$rogue/lib" -DCMAKE_PREFIX_PATH="$scratch/prefix" \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic" -DCMAKE_INSTALL_LIBDIR=lib \
    >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "it cannot be configured"; }
cmake --build "$scratch/build" --parallel 2 >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "no build"; }
if grep 'warning:' "$scratch/said"; then fail "the compiler warns"; fi
cmake --install "$scratch/build" --prefix "$scratch/beside" >/dev/null
first=$scratch/beside/lib/librogue-memory-bridge-first.so
for library in first beside; do
    if nm -DC "$scratch/beside/lib/librogue-memory-bridge-$library.so" | grep " [TWV] rogue_memory_bridge::"; then
        fail "$library exports what is the bridge's own"
    fi
done

# Programs: linked with Rogue alone; with the bridge before it; one that loads a module which is linked with Rogue.
core=$rogue/lib/librogue-core.so.v6.15
# shellcheck disable=SC2086 # a list of flags
{
    $CXX $flags "$here/tree/which.cpp" "$core" -o "$scratch/which" -pthread &
    $CXX $flags -Dmain=run -c "$here/tree/which.cpp" -o "$scratch/module.o" &
    $CXX $flags "$here/tree/late.cpp" -ldl -o "$scratch/late"
    wait
    $CXX $flags "$here/tree/which.cpp" "$first" "$core" -Wl,-rpath,"$scratch/beside/lib" -o "$scratch/ordered" -pthread
}
# `run` has the name of a C function, as dlsym wants it.
run=$(nm "$scratch/module.o" | sed -n 's/.* T \(_Z3runv\)$/\1/p')
objcopy --redefine-sym "$run=run" "$scratch/module.o"
$CXX -shared "$scratch/module.o" "$core" -o "$scratch/module.so" -pthread

# says EXPECTED ROGUE PRELOAD PROGRAM ARGUMENT...: what the program prints on stdout; stderr goes to $scratch/errors
says() {
    expected=$1 library_path=$2/lib preload=$3
    shift 3
    said=$(LD_LIBRARY_PATH=$library_path LD_PRELOAD=$preload "$@" 2>"$scratch/errors") && exit=0 || exit=$?
    [ "$said $exit" = "$expected 0" ] || { cat "$scratch/errors"; fail "$*: $said ($exit), not $expected"; }
}
own="the stand-in's own bridge"
says "$own" "$rogue" "" "$scratch/which"
says replaced "$rogue" "$first" "$scratch/which"
says replaced "$rogue" "" "$scratch/ordered"
says "$own" "$rogue" "" "$scratch/late" "$scratch/module.so"
says replaced "$rogue" "$first" "$scratch/late" "$scratch/module.so"
[ ! -s "$scratch/errors" ] || { cat "$scratch/errors"; fail "it says something without need"; }
says "" "$rogue" "$first" true # a program that has no Rogue

# steps_aside REASON: as says, with the Rogue in $scratch/other
steps_aside() {
    for program in which ordered; do
        preload=
        [ $program = ordered ] || preload=$first
        says "$own" "$scratch/other" "$preload" "$scratch/$program"
        grep -q "steps aside, and Rogue's own bridge is used: .*$1" "$scratch/errors" ||
            { cat "$scratch/errors"; fail "$program does not say: $1"; }
    done
    rm -rf "$scratch/other"
}
a_rogue "$scratch/other" rogue.o "$here/standin/rogue.cpp" '-DSTANDIN_VERSION="v6.16.0"'
steps_aside "it is version v6.16.0, and this was built for v6.15.0"
cat >"$scratch/wrap.cpp" <<EOF
#undef NO_PYTHON
#include "rogue/interfaces/memory/Slave.h"
rogue::interfaces::memory::SlaveWrap::SlaveWrap(uint32_t min, uint32_t max) : Slave(min, max) {}
EOF
a_rogue "$scratch/other" wrap.o "$scratch/wrap.cpp"
steps_aside "it was built with Python, and this without"
a_rogue "$scratch/other" TcpServer.o "$here/standin/own/TcpServer.cpp" -DSTANDIN_MORE_VIRTUALS
steps_aside "other virtual functions"
a_rogue "$scratch/other" bus.o "$here/standin/bus.cpp" -DSTANDIN_LARGER_MASTER
steps_aside "the size of its objects is another"
mv "$scratch/beside/lib/librogue-memory-bridge-beside.so" "$scratch"
a_rogue "$scratch/other"
steps_aside "librogue-memory-bridge-beside.so"
