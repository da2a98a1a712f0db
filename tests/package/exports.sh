#!/bin/sh
# What the two libraries show to a linker is their interface and nothing else.
. "$(dirname "$0")/common.sh"

exported() { # exported LIBRARY: its names
    nm -D --defined-only "$1" | awk '{ print $3 }' | sort
}
same() { # same WHAT FILE FILE
    diff "$2" "$3" >&2 || fail "$1"
}

# The C functions, as the header declares them: its comments do not count, and no type ends in a parenthesis.
$CC -E -P -I "$SOURCE/include" "$SOURCE/include/rogue/rim.h" |
    grep -o 'rim_[a-z0-9_]* *(' | tr -d ' (' | sort -u >"$scratch/declared"
grep -q '^rim_version$' "$scratch/declared" || fail "no functions were found in rim.h"

exported "$LIBRIM" >"$scratch/rim"
same "librim and rim.h differ" "$scratch/declared" "$scratch/rim"

exported "$LIBBRIDGE" >"$scratch/bridge"
grep '^rim_' "$scratch/bridge" >"$scratch/bridge-c" || :
same "librogue-memory-bridge and rim.h differ" "$scratch/declared" "$scratch/bridge-c"

# Of C++: functions, vtables, VTTs, type information, its names, and thunks, of the public namespace.
grep -v '^rim_' "$scratch/bridge" >"$scratch/bridge-cpp" || :
c++filt <"$scratch/bridge-cpp" >"$scratch/bridge-names"
kinds='(vtable|VTT|typeinfo|typeinfo name) for |(non-)?virtual thunk to |covariant return thunk to '
if grep -Ev "^($kinds)?rogue::(interfaces::memory::)?[A-Z]" "$scratch/bridge-names" >&2; then
    fail "exported, but no name of the interface"
fi
if grep -E 'detail|rogue_memory_bridge::.*\(|cxxbridge|rust::' "$scratch/bridge-names" >&2; then
    fail "exported, but internal"
fi
memory=rogue::interfaces::memory
for class in rogue::GeneralError rogue::Logging $memory::Master $memory::Slave $memory::Transaction \
    $memory::TransactionLock $memory::Hub $memory::Emulate $memory::TcpServer $memory::TcpClient; do
    grep -q "^$class::" "$scratch/bridge-names" || fail "$class is not exported"
done
for class in rogue::GeneralError $memory::Master $memory::Slave $memory::Hub $memory::TcpServer $memory::TcpClient; do
    grep -qx "vtable for $class" "$scratch/bridge-names" || fail "no vtable for $class"
    grep -qx "typeinfo for $class" "$scratch/bridge-names" || fail "no typeinfo for $class"
    grep -qx "typeinfo name for $class" "$scratch/bridge-names" || fail "no typeinfo name for $class"
done
grep -q "thunk to $memory::Hub::doTransaction" "$scratch/bridge-names" || fail "no thunks of Hub"

# Their own names
for kind in rim:0 rogue-memory-bridge:0; do
    case $kind in rim:*) library=$LIBRIM ;; *) library=$LIBBRIDGE ;; esac
    readelf -d "$library" >"$scratch/dynamic"
    grep -q "SONAME.*\[lib${kind%:*}.so.${kind#*:}\]" "$scratch/dynamic" || fail "$library has another soname"
done
