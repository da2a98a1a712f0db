#!/bin/sh
# Each public header compiles alone, first and twice, without a warning, in the standard that is given, with the
# compiler of the build and with clang: rim.h in C, all of them in C++. In C++ two sources that include all of them
# twice, one of each compiler, then link into one program.
. "$(dirname "$0")/common.sh"
standard=$1

warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
case $standard in
c99) compilers="$CC clang" suffix=c pattern=rim.h ;;
*) compilers="$CXX clang++" suffix=cpp pattern='*.h' ;;
esac
name=$standard
if [ "$name" = c++23 ]; then name=c++2b; fi # as the compilers of its time call it

# One source for each header, which includes it twice
cd "$SOURCE/include"
headers=$(find rogue -name "$pattern" | sort)
[ -n "$headers" ] || fail "no header was found"
for header in $headers; do
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$scratch/$(echo "${header%.h}" | tr / _).$suffix"
done
cd "$scratch"

jobs=$(nproc 2>/dev/null || echo 1)
for compiler in $compilers; do
    command -v "$compiler" >/dev/null || fail "$compiler is missing"
    # shellcheck disable=SC2086 # a list of options
    ls ./*."$suffix" | xargs -P "$jobs" -n 3 \
        "$compiler" -std="$name" $warnings -I "$SOURCE/include" -fsyntax-only || fail "not clean: $compiler, $name"
done
[ "$suffix" = cpp ] || exit 0

mkdir link
for source in first second; do
    for header in $headers $headers; do echo "#include \"$header\""; done >"link/$source.cpp"
    # Something that each source makes for itself, and something of the library's
    cat >>"link/$source.cpp" <<END
int $source();
int $source() {
    rogue::Queue<uint32_t> queue;
    queue.push(rogue::Logging::Info);
    const uint32_t& constant = rogue::interfaces::memory::Read;
    auto slave = std::make_shared<rogue::interfaces::memory::Hub>(0, 4, 4);
    *rogue::interfaces::memory::Master::create() >> slave;
    return slave->Slave::shared_from_this() && queue.pop() + constant == 21 ? 0 : 1;
}
END
done
printf 'int second();\nint main() { return first() + second(); }\n' >>link/first.cpp
# Each compiler makes one of the two, at the same time.
compile() { # compile COMPILER SOURCE
    # shellcheck disable=SC2086 # a list of options
    "$1" -std="$name" $warnings -I "$SOURCE/include" -c "link/$2.cpp" -o "link/$2.o"
}
compile clang++ second &
second=$!
compile "$CXX" first || fail "a source with all headers does not compile: $CXX, $name"
wait "$second" || fail "a source with all headers does not compile: clang++, $name"
"$CXX" link/first.o link/second.o "$LIBBRIDGE" -pthread -o link/program || fail "two sources do not link: $name"
LD_LIBRARY_PATH=$(dirname "$LIBBRIDGE") link/program || fail "two sources do not run: $name"
