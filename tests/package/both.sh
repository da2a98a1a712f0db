#!/bin/sh
# A source that includes one of Rogue's own headers and one of ours, in either order and however it finds them, stops the
# compiler with a sentence that says what to do. Rogue's are stood in for by small ones with the same include guards.
. "$(dirname "$0")/common.sh"

ours=$SOURCE/include
theirs=$scratch/theirs
header() { # header PATH GUARD: its text comes on stdin
    mkdir -p "$theirs/$(dirname "$1")"
    { printf '#ifndef %s\n#define %s\n' "$2" "$2" && cat && echo '#endif'; } >"$theirs/$1"
}
header rogue/Directives.h __ROGUE_DIRECTIVES_H__ <<END
END
header rogue/Logging.h __ROGUE_LOGGING_H__ <<END
#include "rogue/Directives.h"
namespace rogue { class Logging {}; }
END
header rogue/interfaces/memory/Master.h __ROGUE_INTERFACES_MEMORY_MASTER_H__ <<END
#include "rogue/Directives.h"
#include "rogue/Logging.h"
namespace rogue { namespace interfaces { namespace memory { class Master {}; } } }
END
header rogue/interfaces/stream/Master.h __ROGUE_INTERFACES_STREAM_MASTER_H__ <<END
#include "rogue/Directives.h"
namespace rogue { namespace interfaces { namespace stream { class Master {}; } } }
END
header rogue/protocols/old/Old.h __ROGUE_PROTOCOLS_OLD_OLD_H__ <<END
#include "rogue/interfaces/stream/Older.h"
END
header rogue/interfaces/stream/Older.h __ROGUE_INTERFACES_STREAM_FRAME_H__ <<END
#include "rogue/Logging.h" // as all of them did before Rogue had a Directives.h
END

including() { # including HEADER...: writes a source
    for included in "$@"; do echo "#include \"$included\""; done >"$scratch/source.cpp"
}
stops() { # stops "INCLUDE DIRECTORIES" HEADER...
    directories=$1
    shift
    including "$@"
    # shellcheck disable=SC2086 # a list of options
    if "$compiler" $directories -E "$scratch/source.cpp" >"$scratch/out" 2>"$scratch/err"; then
        fail "$compiler lets this pass: $*, with $directories"
    fi
    grep -q 'error.*use one of the two.*docs/from-rogue.md' "$scratch/err" || {
        cat "$scratch/err" >&2
        fail "$compiler does not say what to do: $*, with $directories"
    }
}
passes() { # passes "INCLUDE DIRECTORIES" HEADER...
    directories=$1
    shift
    including "$@"
    # shellcheck disable=SC2086 # a list of options
    "$compiler" $directories -E "$scratch/source.cpp" >"$scratch/out" || fail "$compiler does not take $*"
}

for compiler in "$CXX" clang++; do
    command -v "$compiler" >/dev/null || fail "$compiler is missing"
    for mine in $(cd "$ours" && find rogue -name '*.h' ! -name rim.h); do
        stops "-I $ours -I $theirs" rogue/interfaces/stream/Master.h "$mine"
        stops "-I $ours -I $theirs" "$mine" rogue/interfaces/stream/Master.h
        [ "$mine" != rogue/Directives.h ] || continue # which declares nothing
        stops "-I $theirs -I $ours" "$ours/$mine" # includes Rogue's Directives.h
    done
    for other in rogue/Directives.h rogue/Logging.h rogue/interfaces/memory/Master.h; do
        stops "-I $ours" "$theirs/$other" rogue/interfaces/memory/TcpClient.h
        if [ "$other" != rogue/Directives.h ]; then
            stops "-I $ours" rogue/interfaces/memory/TcpClient.h "$theirs/$other"
        fi
    done
    stops "-I $ours -I $theirs" rogue/Logging.h rogue/protocols/old/Old.h
    passes "-I $theirs" rogue/interfaces/memory/Master.h rogue/interfaces/stream/Master.h "$ours/rogue/rim.h"
    passes "-I $theirs" "$ours/rogue/rim.h" rogue/interfaces/memory/Master.h

    # It stops there: the sentence is not buried under what follows from it.
    including rogue/interfaces/stream/Master.h rogue/interfaces/memory/TcpClient.h
    "$compiler" -I "$ours" -I "$theirs" -fsyntax-only "$scratch/source.cpp" 2>"$scratch/err" && fail "it compiles"
    [ "$(grep -c 'error:' "$scratch/err")" -le 2 ] || fail "$compiler goes on after the sentence"
done
