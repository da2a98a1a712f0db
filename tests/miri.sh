#!/bin/sh
# The unit tests of src/bus and src/wire under Miri, which stops at undefined behaviour: a byte that is read before it is
# written, a reference that is used when it has become invalid, a data race. Sizes are smaller there (cfg(miri)).
#
#   sh tests/miri.sh [smoke|full]    smoke, the default: the unsafe code of src/bus, a minute; full: all
#
# MIRI_DIR is where it builds: target/miri.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:$HOME/.cargo/bin
part=${1:-smoke}

if ! sh tests/rust-nightly.sh miri rust-src; then
    echo "-- miri: left out: there is no nightly toolchain with the components miri and rust-src"
    exit 0
fi

# Miri is a thousand times slower than the machine: comparing the names of all tests with a part of a name takes 20 s.
case $part in
smoke)
    tests="memory::tests::reserved_memory_is_written_in_order_and_then_filled
        memory::tests::a_span_outside_its_memory_is_refused
        transaction::tests::small_memory_is_inside_the_transaction_and_aligned
        transaction::tests::bytes_that_nobody_touches_are_told_as_zeros
        transaction::tests::a_lock_that_is_looked_into_late_sees_what_the_others_wrote
        transaction::tests::pieces_of_pieces_share_the_memory_of_the_root
        transaction::tests::a_transaction_that_is_dropped_has_failed
        transaction::tests::completion_and_deadline_at_the_same_time_agree
        hub::tests::row_10_a_split_over_a_slave_that_completes_at_once_works"
    # shellcheck disable=SC2086 # a list, here and below
    tests="--exact $(printf 'bus::%s ' $tests)"
    ;;
full) tests="bus:: wire::" ;;
*)
    echo "usage: tests/miri.sh [smoke|full]" >&2
    exit 2
    ;;
esac
begun=$(date +%s)
# shellcheck disable=SC2086
cargo +nightly miri test --locked --quiet --target-dir "${MIRI_DIR:-target/miri}" --lib -- $tests | tee "${TMPDIR:-/tmp}/miri.$$"
passed=$(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' "${TMPDIR:-/tmp}/miri.$$")
rm "${TMPDIR:-/tmp}/miri.$$"
# A pipe hides that cargo has failed; and a test that has another name now would be left out in silence.
[ "${passed:-0}" -ge 9 ] || {
    echo "-- miri: failed, or not all tests were found" >&2
    exit 1
}
echo "-- miri: $part: $passed tests passed in $(($(date +%s) - begun)) s"
