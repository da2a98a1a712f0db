// Small helpers of application code: connecting a bus, and the default timeout.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_HELPERS_H
#define ROGUE_HELPERS_H

#include <sys/time.h>

/// Connects the memory master `src` to the memory slave `dst`, both given as pointers. It brings
/// its own semicolon, as Rogue's does, because programs rely on it.
#define rogueBusConnect(src, dst) (src)->setSlave(dst);

/// Timeout of a transaction in microseconds, unless its master sets another one.
#define ROGUE_DEFAULT_TIMEOUT 1000000

namespace rogue {

/// Sets `tout` to the default timeout.
inline void defaultTimeout(struct timeval& tout) {
    tout.tv_sec = ROGUE_DEFAULT_TIMEOUT / 1000000;
    tout.tv_usec = ROGUE_DEFAULT_TIMEOUT % 1000000;
}

} // namespace rogue

#endif
