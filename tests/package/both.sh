#!/bin/sh
# A source that includes one of Rogue's own headers and one of ours, in either order and however it finds them, stops the
# compiler with a sentence that says what to do. A program's own copy of a header that Rogue has and we have not does not.
# Rogue's are stood in for by small ones with the same include guards.
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

# What a program's own copy of MemMap.h is like, and Rogue's own, which lies in another folder.
for path in "$scratch/own/MemMap.h" "$theirs/rogue/hardware/MemMap.h"; do
    mkdir -p "$(dirname "$path")"
    cat >"$path" <<END
#ifndef __ROGUE_HARDWARE_MEM_MAP_H__
#define __ROGUE_HARDWARE_MEM_MAP_H__
#include "rogue/Directives.h"
#include "rogue/interfaces/memory/Slave.h"
namespace rogue { namespace hardware {
class MemMap : public rogue::interfaces::memory::Slave {
  public:
    MemMap() : Slave(4, 4096) {}
};
} }
#endif
END
done

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
    "$compiler" $directories -fsyntax-only "$scratch/source.cpp" || fail "$compiler does not take $*, with $directories"
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

    # A copy, before and after our headers, and with a Rogue on the machine when the program says so
    for directories in "-I $ours -I $scratch/own" "-I $scratch/own -I $ours" \
        "-DROGUE_MEMORY_BRIDGE_OWN_COPIES -I $ours -I $scratch/own -I $theirs"; do
        passes "$directories" MemMap.h rogue/interfaces/memory/TcpServer.h
        passes "$directories" rogue/interfaces/memory/TcpServer.h MemMap.h
    done
    stops "-I $ours -I $theirs" rogue/hardware/MemMap.h
    stops "-I $ours -I $scratch/own -I $theirs" rogue/interfaces/memory/TcpServer.h MemMap.h
    stops "-DROGUE_MEMORY_BRIDGE_OWN_COPIES -I $ours" "$theirs/rogue/Logging.h" MemMap.h

    # It stops there: the sentence is not buried under what follows from it.
    including rogue/interfaces/stream/Master.h rogue/interfaces/memory/TcpClient.h
    "$compiler" -I "$ours" -I "$theirs" -fsyntax-only "$scratch/source.cpp" 2>"$scratch/err" && fail "it compiles"
    [ "$(grep -c 'error:' "$scratch/err")" -le 2 ] || fail "$compiler goes on after the sentence"
done
