# Changes the sources in one place after the other, and sees whether a unit test notices: cargo-mutants
# (cargo install cargo-mutants --locked) over a crate that has the modules without sockets alone, so
# that each change takes a second or two. docs/robustness.md has the results, and why some go unnoticed.
#
# usage: tests/mutants.sh [wire] [bus] [pairing] [address] [-- OPTION OF CARGO-MUTANTS...]
#   Without a part: all. Of `bus` an eighth, MUTANTS_BUS=k/n in place of 0/8. MUTANTS_DIR: where it works.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
work=${MUTANTS_DIR:-$root/target/mutants}

parts=""
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    parts="$parts $1"
    shift
done
[ $# -eq 0 ] || shift
[ -n "$parts" ] || parts="wire bus pairing address"
cargo mutants --version >/dev/null || { echo "There is no cargo-mutants." >&2; exit 1; }

# Compiled once for all parts: what they need of others.
export CARGO_TARGET_DIR="$work/target"

# make_crate MODULE...: these sources as they are, alone. With +, and the crate's dependencies.
make_crate() {
    rm -rf "$crate/src"
    mkdir -p "$crate/src/endpoint"
    cp Cargo.lock "$crate"
    {
        printf '[package]\nname = "rogue-memory-bridge"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n'
        printf '[lib]\ndoctest = false\n\n[profile.dev]\ndebug = false\n\n[dependencies]\n'
    } >"$crate/Cargo.toml"
    printf '#![allow(dead_code)]\nmod endpoint {\n' >"$crate/src/lib.rs"
    modules=""
    for name; do
        case $name in
        endpoint/*) printf '    mod %s;\n' "${name#*/}" >>"$crate/src/lib.rs" ;;
        +)
            sed -n '/^\[dependencies\]/,/^$/p' Cargo.toml | grep -v '^\[\|^cxx ' >>"$crate/Cargo.toml"
            continue
            ;;
        *) modules="$modules $name" ;;
        esac
        for path in "src/$name" "src/$name.rs"; do
            [ ! -e "$path" ] || cp -r "$path" "$crate/$path"
        done
    done
    echo '}' >>"$crate/src/lib.rs"
    for name in $modules; do
        echo "pub mod $name;" >>"$crate/src/lib.rs"
    done
}

status=0
for part in $parts; do
    crate=$work/$part
    shard=""
    tests="--lib $part::"
    case $part in
    wire)
        make_crate wire +
        # Those of its public interface are unit tests too: no sockets, no clock. But what they make
        # of noise takes long, and should not be needed.
        mkdir -p "$crate/tests"
        cp -r tests/rust/wire.rs tests/rust/wire "$crate/tests"
        cat >>"$crate/src/lib.rs" <<'END'
#[cfg(test)]
extern crate self as rogue_memory_bridge;
#[cfg(test)]
#[path = "../tests/wire.rs"]
mod tests;
END
        tests="--lib -- --skip garbage::"
        files='src/wire/**'
        ;;
    bus)
        make_crate bus error process sync +
        files='src/bus/**'
        shard="--shard ${MUTANTS_BUS:-0/8}"
        ;;
    pairing)
        make_crate endpoint/ids endpoint/pairing wire +
        files='src/endpoint/pairing{.rs,/**}'
        ;;
    address)
        make_crate endpoint/address endpoint/socket error process +
        files='src/endpoint/address{.rs,/**}'
        ;;
    *)
        echo "$0: no part is called $part" >&2
        exit 2
        ;;
    esac
    echo "== $part"
    # A test that waits for what never comes has failed.
    # shellcheck disable=SC2086
    (cd "$crate" && cargo mutants --in-place --no-shuffle --file "$files" $shard "$@" \
        -- $tests) || status=$?
done
exit "$status"
