#!/bin/sh
# What docs/ says is so: the programs that it shows compile; each row of from-rogue.md names tests that have its number,
# which are there, and all of them.
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

# The rows: whatever shows one has its number in its name, a function or a file, and is named in the table.
page=$SOURCE/docs/from-rogue.md
{
    grep -rhoE 'fn row_[0-9]+_[a-z0-9_]+' "$SOURCE/src" "$SOURCE/tests/rust" "$SOURCE/tests/model" | sed 's/^fn //'
    find "$SOURCE/tests" -name 'row[-_][0-9]*' -type f | sed 's|.*/||'
} | sort >"$scratch/there"
uniq -d "$scratch/there" >"$scratch/twice"
[ ! -s "$scratch/twice" ] || fail "two tests have one name: $(cat "$scratch/twice")"
grep -oE '`row[-_][0-9]+[-_][A-Za-z0-9_.-]+`' "$page" | tr -d '`' | sort -u >"$scratch/named"
diff "$scratch/named" "$scratch/there" >&2 || fail "docs/from-rogue.md does not name the tests that there are"

# Each row has such a test, and no other row's alone. Numbers may be missing, since promises can be for later.
rows=27
grep -oE '^\| [0-9]+ \|' "$page" | tr -dc '0-9\n' >"$scratch/rows"
seq "$rows" | diff - "$scratch/rows" | grep '^<' >&2 && fail "docs/from-rogue.md has not the rows 1 to $rows"
sort -nu "$scratch/rows" | diff "$scratch/rows" - >&2 || fail "the rows of docs/from-rogue.md are not in order"
for row in $(cat "$scratch/rows"); do
    grep "^| $row |" "$page" | grep -qE "\`row[-_]${row}[-_]" || fail "row $row of docs/from-rogue.md has no test"
done

# Other files are named by their paths.
grep -oE '`tests/[A-Za-z0-9_/-]+\.(c|cpp|sh|rs)`' "$page" | tr -d '`' | while read -r file; do
    [ -f "$SOURCE/$file" ] || fail "docs/from-rogue.md names $file, which is not there"
done
