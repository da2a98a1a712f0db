#!/bin/sh
# Row 18: librim needs libc to run, librogue-memory-bridge libstdc++ beside it, and neither anything else.
. "$(dirname "$0")/common.sh"

# needs_only LIBRARY PATTERN
needs_only() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$scratch/needed"
    grep -q '^libc\.' "$scratch/needed" || fail "$1: what it needs was not found"
    if grep -Ev "^($2)" "$scratch/needed" >&2; then fail "$1 needs more than it may"; fi
}
libc='lib(gcc_s|c|m|dl|pthread|rt)\.so|ld-linux|ld-musl|libc\.musl'
needs_only "$LIBRIM" "$libc"
needs_only "$LIBBRIDGE" "$libc|libstdc\+\+\.so"
