#!/bin/sh
# Runs the commands of README.md and docs/ as they are written, one after the other in a folder for each page, and compares
# what they print where the page says it (`# prints: ...`). commands.not-run names those that cannot be run, and why. So a
# new command is run here, or named there. A command is a line of an indented block, of a fenced one that names no language,
# and text in `code` that begins as one and has two words more. `commands.sh PAGE...` runs those of some pages alone.
. "$(dirname "$0")/common.sh"
source=$SOURCE build=$BUILD config=$CONFIG libdir=$LIBDIR rustc=$RUSTC
not_run=$source/tests/package/commands.not-run
started=
trap 'for process in $started ${server-}; do kill "$process" 2>/dev/null || :; done; rm -rf "$scratch"' EXIT

# The user who follows the pages: a home of its own, and nothing in the environment that the pages do not put there, but
# for what keeps the time small. Cargo finds its work done, in a copy.
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
unset SOURCE BUILD CONFIG VERSION LIBDIR LIBRIM LIBBRIDGE RUSTC PKG_CONFIG_PATH LD_LIBRARY_PATH ROGUE_DIR CONDA_PREFIX || :
HOME=$scratch/home
mkdir "$HOME"
cp -a "$build/cargo" "$scratch/cargo"
export ROGUE_MEMORY_BRIDGE_CARGO_DIR="$scratch/cargo" CMAKE_BUILD_PARALLEL_LEVEL=2
prefix=$scratch/prefix
cmake --install "$build" --config "$config" --prefix "$prefix" >/dev/null

# What cross-compiles to aarch64, where it is not there, for those commands alone: CMake is told that it is, and no more is
# asked of it than to configure.
tools=$scratch/tools
mkdir "$tools"
if ! command -v aarch64-linux-gnu-g++ >/dev/null; then
    for compiler in gcc g++; do
        printf '#!/bin/sh\nif [ "$1" = -dumpmachine ]; then exec echo aarch64-linux-gnu; fi\nexec %s "$@"\n' "$compiler" \
            >"$tools/aarch64-linux-gnu-$compiler"
    done
fi
if ! ls "$("$rustc" --print target-libdir --target aarch64-unknown-linux-gnu)"/libstd-*.rlib >/dev/null 2>&1; then
    mkdir "$scratch/libs"
    touch "$scratch/libs/libstd-0.rlib"
    cat >"$tools/rustc" <<END
#!/bin/sh
case "\$*" in *"target-libdir --target aarch64"*) exec echo "$scratch/libs" ;; esac
exec "$rustc" "\$@"
END
fi
touch "$tools/none"
chmod +x "$tools"/*

# commands PAGE: one on each line
commands() {
    awk '
        /^```/ { fence = !fence; shown = fence && ($0 == "```" || $0 == "```sh"); next }
        fence && !shown { next }
        shown || (/^    [^ ]/ && before ~ /^ *$|^    /) {
            sub(/^ */, "")
            if (sub(/\\$/, "")) { part = part $0; before = "    "; next }
            print part $0; part = ""; before = "    "; next
        }
        {
            before = $0
            while (match($0, /`[^`]*`/)) {
                code = substr($0, RSTART + 1, RLENGTH - 2)
                $0 = substr($0, RSTART + RLENGTH)
                if (code ~ /^(cc|c\+\+|cargo|cmake|ctest|ld|make|pkg-config|rustup) [^ ]+ [^ ]/) print code
            }
        }' "$source/$1"
}

# A folder as the pages take it for granted: the source beside it, and the files that README.md shows; the ports are
# others. README.md starts a server; the other pages have one that is there.
port=$((10000 + $$ % 10000))
start_server() {
    folder_for server
    c++ "$folder/server.cpp" -I"$prefix/include" -L"$prefix/$libdir" -lrogue-memory-bridge -Wl,-rpath,"$prefix/$libdir" \
        -o "$folder/server"
    "$folder/server" >/dev/null 2>&1 &
    server=$!
}
folder_for() { # folder_for PAGE
    folder=$scratch/$(basename "$1" .md)
    mkdir -p "$folder"
    ln -s "$source" "$folder/rogue-memory-bridge"
    second=$source/$1
    [ -f "$second" ] && [ "$1" != README.md ] || second=/dev/null
    awk -v folder="$folder" '
        /^```/ { inside = !inside; fresh = inside; file = ""; next }
        fresh  { fresh = 0; if ($0 ~ /^(#|\/\/|\/\*) [A-Za-z0-9]+\.(txt|cpp|c|cmake)(:|$)/) { file = $2; sub(/:$/, "", file) } }
        file   { print > (folder "/" file) }' "$source/README.md" "$second"
    sed -i "s/\b8000\b/$port/" "$folder"/*.c "$folder"/*.cpp
    cp "$folder/client.c" "$folder/program.c"
    # Only README.md has a project of its own; the others speak of one that was written for Rogue, as its documentation
    # shows it.
    if [ "$1" != README.md ]; then
        { echo 'set(DOCUMENTED ON)' && cat "$source/tests/package/old/CMakeLists.txt"; } >"$folder/CMakeLists.txt"
        cp "$source/tests/package/old/old.cpp" "$folder/old.cpp"
        sed 's/EXPECTED/"v6.15.0"/' "$folder/old.cpp" >"$folder/program.cpp"
    fi
}

# run PAGE LINE: runs one in the present shell, since it may set variables for the next
run() {
    line=$(echo "$2" | sed "s|<prefix>/lib|$prefix/$libdir|g; s|<prefix>|$prefix|g; s|<build>|$build|g")
    command=${line%% #*}
    command=$(echo "$command" | sed 's/ *$//')
    case $command in
    "cmake -S . -B build "*) rm -rf build ;; # each is the first, for its reader
    "make "*) command="(cd -P rogue-memory-bridge && BUILD=$scratch/make $command)" ;; # in the source, but not its build
    *aarch64*) command="PATH=$tools:\$PATH CMAKE_PROGRAM_PATH=$tools $command" ;;
    esac
    printed=$scratch/printed
    status=0
    case $command in
    *" &")
        eval "${command%&} >\"$scratch/background\" 2>&1 &"
        started="$started $!"
        : >"$printed"
        ;;
    *) eval "$command" >"$printed" 2>&1 </dev/null || status=$? ;;
    esac
    [ "$status" -eq 0 ] || { cat "$printed"; fail "$1: this ends with $status: $command"; }
    case $line in
    *"# prints: "*) grep -qxF -- "${line##*# prints: }" "$printed" || { cat "$printed"; fail "$1: it prints something else: $line"; } ;;
    esac
}

: >"$scratch/used"
count=0
pages=$*
for page in ${pages:-README.md $(cd "$source" && ls docs/*.md)}; do
    if [ "$page" != README.md ] && [ -z "${server-}" ]; then start_server; fi
    commands "$page" >"$scratch/commands"
    folder_for "$page"
    cd "$folder"
    while read -r line <&3; do
        if known=$(awk -F'|' -v page="$page" -v line="$line" '
            $1 == page && index(line, $2) == 1 { print; found = 1; exit } END { exit !found }' "$not_run"); then
            echo "$known" >>"$scratch/used"
            continue
        fi
        echo "$page: $line"
        run "$page" "$line"
        count=$((count + 1))
    done 3<"$scratch/commands"
    for process in $started; do kill "$process" 2>/dev/null || :; done
    started=
    unset PKG_CONFIG_PATH ROGUE_DIR LD_LIBRARY_PATH || :
done
[ -z "$pages" ] || exit 0
[ "$count" -ge 15 ] || fail "only $count commands were found"
grep -v '^#' "$not_run" | sort >"$scratch/listed"
sort -u "$scratch/used" | diff "$scratch/listed" - >&2 || fail "commands.not-run names commands that there are not"
