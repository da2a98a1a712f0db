#!/bin/sh
# Each installed header compiles alone, first and twice, without a warning, in the standard that is given: rim.h in C
# and in C++, the others in C++. In the oldest and the newest standard also with clang, if it is there.
. "$(dirname "$0")/common.sh"
standard=$1

warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
case $standard in
c99) compilers="$CC clang" language=c pattern=rim.h ;;
c++14 | c++23) compilers="$CXX clang++" language=c++ pattern='*.h' ;;
*) compilers=$CXX language=c++ pattern='*.h' ;;
esac

count=0
cd "$SOURCE/include"
for compiler in $compilers; do
    command -v "$compiler" >/dev/null || continue
    name=$standard
    if [ "$name" = c++23 ]; then name=c++2b; fi # as the compilers of its time call it
    for header in $(find rogue -name "$pattern"); do
        printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
            "$compiler" -x "$language" -std="$name" $warnings -I . -fsyntax-only - || fail "$header, $compiler, $name"
        count=$((count + 1))
    done
done
[ "$count" -gt 0 ] || fail "no header was compiled"
