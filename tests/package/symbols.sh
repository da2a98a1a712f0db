#!/bin/sh
# The binary interface is what tests/abi says: the names that the two libraries export, what rim.h declares, and the
# layout of the C++ classes (sizes, bases, virtual functions in their order). CONTRIBUTING.md says which version may change what. After a
# change that is meant: RIM_UPDATE_ABI=1 ctest --test-dir build -R package-symbols
. "$(dirname "$0")/common.sh"
golden=$SOURCE/tests/abi

# Names as C++ writes them, so that they are the same on every machine. Weak functions are left out (inline ones, of
# which an optimizer leaves more or fewer), and so is EnableSharedFromThis<T>, of which each program has a copy.
exported() { # exported LIBRARY
    nm -D --defined-only "$1" | awk '$2 != "W" { print $3 }' | c++filt | grep -v 'rogue::EnableSharedFromThis<' |
        sed -e 's/std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >/std::string/g' \
            -e 's/\[abi:cxx11\]//' | LC_ALL=C sort -u
}

# Of each class: its size, the offsets of its bases, and the entries of its vtables but for the numbers among them.
layout() { # layout FILE, which is g++'s dump of all classes
    c++filt <"$1" | awk '
        /^(Class|Vtable for) rogue/ { inside = 1; print ""; print; next }
        /^$/ || /^(Class|Vtable|VTT|Construction)/ { inside = 0 }
        !inside || /::vtable for .* entries$/ { next }
        /^ *(base )?size=/ { sub(/^ */, "    "); print; next }
        /^ *rogue::/ { sub(/\(0x[0-9a-fx]*\) /, "at "); sub(/^ */, "    "); print; next }
        /^[0-9]+ .*(rogue::|typeinfo|__cxa)/ { sub(/^[0-9]+ */, "    "); sub(/\(int \(\*\)\(\.\.\.\)\)/, ""); print }'
}

# The constants, types and functions of rim.h without their comments, each on a line, a struct's members too.
declared() {
    header=$SOURCE/include/rogue/rim.h
    grep -E '^#define RIM_' "$header" | tr -s ' '
    "$CC" -E -P "$header" | tr -s ' \n\t' ' ' | sed 's/; */;\n/g' | sed -n '/rim_/,$p'
}

exported "$LIBRIM" >"$scratch/rim.symbols"
exported "$LIBBRIDGE" >"$scratch/rogue-memory-bridge.symbols"
for name in rim rogue-memory-bridge; do
    grep -q '^rim_version$' "$scratch/$name.symbols" || fail "no names were found in $name"
done
declared >"$scratch/rim.declarations"
grep -q 'rim_version(void);$' "$scratch/rim.declarations" || fail "no functions were found in rim.h"
files='rim.symbols rim.declarations'

# The C++ names have integer types in them; they and the layout are written down for machines of 64 bits alone.
if [ "$(getconf LONG_BIT)" = 64 ]; then
    command -v g++ >/dev/null || fail "g++ is missing"
    (cd "$SOURCE/include" && find rogue -name '*.h' | LC_ALL=C sort | sed 's/.*/#include "&"/') >"$scratch/all.cpp"
    g++ -std=c++14 -I "$SOURCE/include" -fsyntax-only -fdump-lang-class="$scratch/dump" "$scratch/all.cpp"
    layout "$scratch/dump" >"$scratch/rogue-memory-bridge.classes"
    grep -q '^Vtable for rogue::interfaces::memory::Hub$' "$scratch/rogue-memory-bridge.classes" ||
        fail "no vtable was found in what g++ tells about classes"
    files="$files rogue-memory-bridge.symbols rogue-memory-bridge.classes"
fi

different=
for file in $files; do
    if [ -n "${RIM_UPDATE_ABI-}" ]; then cp "$scratch/$file" "$golden/$file"; fi
    diff -u "$golden/$file" "$scratch/$file" >&2 || different="$different $file"
done
[ -z "$different" ] || fail "the binary interface is not the one in tests/abi:$different (see CONTRIBUTING.md)"
