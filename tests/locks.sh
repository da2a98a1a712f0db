#!/bin/sh
# Counts the mutexes that the client locks for one read of 4 bytes through the C++ classes, by the line that locks them.
#
#   sh tests/locks.sh [MOST [BUS]]    fails if there are more than MOST, or more than BUS in src/bus/transaction
#
# It builds a copy of the sources under LOCKS_DIR (build/locks), in which tests/locks/counted.rs has the place of std::sync.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
work=${LOCKS_DIR:-build/locks}
mkdir -p "$work/tree"
work=$(cd "$work" && pwd)
PATH=$PATH:$HOME/.cargo/bin

rm -rf "$work/new"
mkdir "$work/new"
cp -R src cpp include build.rs Cargo.lock "$work/new"
cp "$root/tests/locks/counted.rs" "$work/new/src"
# Without tests, what only they need, and the other members of the workspace.
awk 'BEGIN { RS = ""; ORS = "\n\n" }
    /^\[dev-dependencies\]/ || /^\[\[test\]\]/ || /^\[workspace\]/ { next }
    { sub(/"lib", "staticlib"/, "\"staticlib\""); print } END { print "[workspace]" }' Cargo.toml >"$work/new/Cargo.toml"
grep -rl 'std::sync\>' "$work/new/src" | grep -v counted.rs | xargs sed -i -e '/^ *\/\/[!/]/! s/std::sync\>/crate::counted/g'
# A function that returns a guard locks for its caller.
find "$work/new/src" -name '*.rs' -exec sed -E -i 's/^( *)((pub(\([a-z]+\))? )?fn .*-> MutexGuard)/\1#[track_caller] \2/' {} +
printf '\nmod counted;\n' >>"$work/new/src/lib.rs"
cd "$work/new"
# What stays the same keeps its age, for cargo.
find . -type f | while read -r file; do
    if [ "$file" != ./Cargo.lock ] || [ ! -e "$work/tree/Cargo.lock" ]; then
        cmp -s "$file" "$work/tree/$file" && continue
        mkdir -p "$(dirname "$work/tree/$file")"
        cp "$file" "$work/tree/$file"
    fi
done
cd "$work/tree"
find src cpp include -type f | while read -r file; do
    [ -e "$work/new/$file" ] || rm "$file"
done
CARGO_TARGET_DIR=$work/target cargo rustc --quiet --lib --features cpp
${CXX:-c++} -std=c++14 -O1 -Iinclude "$root/tests/locks/read.cpp" -rdynamic \
    "$work/target/debug/librogue_memory_bridge.a" -lpthread -ldl -lrt -lm -o "$work/read"
"$work/read" "$@"
