#!/bin/sh
# What docs/ says is so: the programs that it shows compile, and the tests that from-rogue.md names for each row are
# there, as is each such test in from-rogue.md.
. "$(dirname "$0")/common.sh"

# Blocks of C and C++ that include something are whole sources.
mkdir "$scratch/blocks"
for page in "$SOURCE"/docs/*.md; do
    awk -v name="$scratch/blocks/$(basename "$page" .md)" '
        /^```/ {
            inside = !inside; file = ""
            if ($0 == "```c" || $0 == "```cpp") file = name "-" (++count) "." substr($0, 4)
            next
        }
        file { print > file }' "$page"
done
count=0
for block in $(grep -l '^#include' "$scratch"/blocks/*); do
    case $block in
    *.cpp) "$CXX" -std=c++14 -Wall -Wextra -Wpedantic -Werror -I "$SOURCE/include" -fsyntax-only "$block" ;;
    *.c) "$CC" -std=c99 -Wall -Wextra -Wpedantic -Werror -I "$SOURCE/include" -fsyntax-only "$block" ;;
    esac || fail "$(basename "$block") does not compile"
    count=$((count + 1))
done
[ "$count" -ge 6 ] || fail "only $count programs were found in docs"

# The rows: number and name of each test, in the order of the text
grep -rhoE 'fn row_[0-9]+_[a-z0-9_]+' "$SOURCE/src" "$SOURCE/tests/rust" | sed 's/^fn //' | sort -u >"$scratch/there"
grep -oE '`row_[0-9]+_[a-z0-9_]+`' "$SOURCE/docs/from-rogue.md" | tr -d '`' | sort -u >"$scratch/named"
diff "$scratch/named" "$scratch/there" >&2 || fail "docs/from-rogue.md does not name the tests that there are"
grep -oE '`tests/[a-z_/]+\.(cpp|sh|rs)`' "$SOURCE/docs/from-rogue.md" | tr -d '`' | while read -r file; do
    [ -f "$SOURCE/$file" ] || fail "docs/from-rogue.md names $file, which is not there"
done
