#!/bin/sh
# The project that README.md shows, to the letter but for the port, builds against the installed library, its two
# programs run as it says, and so does the client in C. A block of code that begins with a comment naming a file is that file.
. "$(dirname "$0")/common.sh"

mkdir "$scratch/project"
awk -v folder="$scratch/project" '
    /^```/ { inside = !inside; fresh = inside; file = ""; next }
    fresh  { fresh = 0; if ($0 ~ /^(#|\/\/|\/\*) [A-Za-z]+\.(txt|cpp|c):/) { file = $2; sub(/:$/, "", file) } }
    file   { print > (folder "/" file) }
' "$SOURCE/README.md"
[ "$(ls "$scratch/project" | tr '\n' ' ')" = "CMakeLists.txt client.c client.cpp server.cpp " ] ||
    fail "README.md does not show the three files, and the client in C"

install_to "$scratch/prefix"
port=$((10000 + $$ % 10000)) # no port that the system gives away by itself
sed -i "s/\b8000\b/$port/" "$scratch/project/server.cpp" "$scratch"/project/client.c*
configure "$scratch/project" "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix"
cmake --build "$scratch/build"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$scratch/prefix" -name rim.pc)")
# The flags are words of their own.
# shellcheck disable=SC2046
"$CC" -std=c99 "$scratch/project/client.c" -o "$scratch/build/client-c" $(pkg-config --cflags --libs rim)

"$scratch/build/server" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
for client in client client-c; do
    "$scratch/build/$client" >"$scratch/said" || fail "$client fails"
    cat "$scratch/said"
    grep -qx "read back: 0x12345678" "$scratch/said" || fail "$client does not print what README.md says"
done
