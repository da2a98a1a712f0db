#!/bin/sh
# Installing where a real Rogue is: the C++ headers, which have the names of Rogue's, are refused before anything has been
# installed; the C interface may go there, and is found. An earlier installation of the bridge is replaced.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/consume.sh"

# theirs FOLDER HEADER: what is there of a Rogue, with the include guards by which its headers are known
theirs() {
    mkdir -p "$1/include/rogue/interfaces/stream"
    for theirs_header in "$2" interfaces/stream/Master.h; do
        mkdir -p "$(dirname "$1/include/rogue/$theirs_header")"
        echo "#ifndef __ROGUE_OF_OTHERS_H__" >"$1/include/rogue/$theirs_header"
    done
}
install_with() { # install_with ARGUMENT...
    cmake --install "$BUILD" --config "$CONFIG" "$@" >"$scratch/said" 2>&1
}
files() { # files FOLDER: their names and what is in them
    (cd "$1" && find . -type f -exec cksum {} + | sort)
}

for header in Directives.h Logging.h interfaces/memory/TransactionLock.h; do
    prefix=$scratch/theirs-$(basename "$header")
    theirs "$prefix" "$header"
    files "$prefix" >"$scratch/before"
    for component in "" "--component cxx"; do
        # shellcheck disable=SC2086 # words are meant
        if install_with --prefix "$prefix" $component; then fail "$header is overwritten"; fi
        tr -s '\n ' ' ' <"$scratch/said" >"$scratch/sentence"
        grep -qF "$header exists and is no header of rogue-memory-bridge" "$scratch/sentence" &&
            grep -qF -- "--component rim" "$scratch/sentence" || { cat "$scratch/said"; fail "it does not say what to do"; }
        files "$prefix" | diff "$scratch/before" - >&2 || fail "it has installed something, and then refused"
    done

    # DESTDIR is kept to.
    if DESTDIR=$prefix install_with --prefix /; then fail "with DESTDIR $header is overwritten"; fi
    DESTDIR=$scratch/elsewhere install_with --prefix "$prefix" || { cat "$scratch/said"; fail "it looks past DESTDIR"; }
    rm -rf "$scratch/elsewhere"
done

# The C interface beside them
install_with --prefix "$prefix" --component rim || { cat "$scratch/said"; fail "the C interface is refused"; }
sort "$scratch/before" >"$scratch/kept"
files "$prefix" | comm -12 "$scratch/kept" - | diff "$scratch/kept" - >&2 || fail "the C interface overwrites something"
(cd "$prefix" && find include "$LIBDIR" -name '*.h' -o -name 'librogue*') | grep -vE "/(TransactionLock|stream/Master)\.h$" >"$scratch/brought"
[ "$(cat "$scratch/brought")" = include/rogue/rim.h ] ||
    { cat "$scratch/brought"; fail "the C interface brings other headers or libraries than its own"; }
configure "$SOURCE/tests/package/c" "$scratch/c" -DCMAKE_PREFIX_PATH="$prefix" || fail "find_package fails"
cmake --build "$scratch/c" || fail "the C interface alone cannot be used"
"$scratch/c/consumer" "$VERSION" || fail "the C interface alone fails"
PKG_CONFIG_PATH=$prefix/$LIBDIR/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # words are meant
"$CC" "$SOURCE/tests/package/c/main.c" $(pkg-config --cflags --libs rim) -o "$scratch/pc" || fail "pkg-config fails"

# Twice at one place: the bridge's own headers are no foreign ones. The two components are the whole.
install_to "$scratch/own"
install_to "$scratch/own"
install_with --prefix "$scratch/parts" --component rim
install_with --prefix "$scratch/parts" --component cxx
(cd "$scratch/own" && find . | sort) >"$scratch/whole"
(cd "$scratch/parts" && find . | sort) | diff "$scratch/whole" - >&2 || fail "the components are not the whole"
consume "$scratch/parts" "$LIBDIR"
