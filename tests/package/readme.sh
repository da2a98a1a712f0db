#!/bin/sh
# The project that README.md shows, to the letter but for the port, builds against the installed library, and its two
# programs run as it says. A block of code that begins with a comment naming a file is that file.
. "$(dirname "$0")/common.sh"

mkdir "$scratch/project"
awk -v folder="$scratch/project" '
    /^```/ { inside = !inside; fresh = inside; file = ""; next }
    fresh  { fresh = 0; if ($0 ~ /^(#|\/\/) [A-Za-z]+\.(txt|cpp):/) { file = $2; sub(/:$/, "", file) } }
    file   { print > (folder "/" file) }
' "$SOURCE/README.md"
[ "$(ls "$scratch/project" | tr '\n' ' ')" = "CMakeLists.txt client.cpp server.cpp " ] ||
    fail "README.md does not show the three files"

install_to "$scratch/prefix"
port=$((10000 + $$ % 10000)) # no port that the system gives away by itself
sed -i "s/\b8000\b/$port/" "$scratch/project/server.cpp" "$scratch/project/client.cpp"
configure "$scratch/project" "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix"
cmake --build "$scratch/build"

"$scratch/build/server" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
"$scratch/build/client" >"$scratch/said" || fail "the client fails"
cat "$scratch/said"
grep -qx "read back: 0x12345678" "$scratch/said" || fail "the client does not print what README.md says"
