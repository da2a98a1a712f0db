#!/bin/sh
# `test.sh old` and `test.sh new`: the programs of this folder, built against an installed tree in the way of an old
# project for Rogue or of a new one, run each against each, also under valgrind if it is there.
. "$(dirname "$0")/../package/common.sh"

install_to "$scratch/prefix"
package=$scratch/prefix/$LIBDIR/cmake/RogueMemoryBridge
case $1 in
old) configure "$SOURCE/tests/field" "$scratch/build" -DRogue_DIR="$package/rogue" ;;
new) configure "$SOURCE/tests/field/new" "$scratch/build" -DRogueMemoryBridge_DIR="$package" ;;
*) fail "which way: old or new?" ;;
esac || fail "$1: it cannot be configured"
cmake --build "$scratch/build" --parallel 2 >"$scratch/said" 2>&1 || { cat "$scratch/said"; fail "$1: it does not build"; }
if grep 'warning:' "$scratch/said"; then fail "$1: the compiler warns"; fi

sh "$SOURCE/tests/field/run.sh" "$scratch/build" || fail "$1: see above"
if command -v valgrind >/dev/null; then
    sh "$SOURCE/tests/field/run.sh" "$scratch/build" valgrind || fail "$1 under valgrind: see above"
fi
