// Stands in for Rogue's guard that gives up Python's interpreter lock. There is no Python here.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_GIL_RELEASE_H
#define ROGUE_GIL_RELEASE_H

// Not needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

namespace rogue {

/// Does nothing. Programs hold one around calls that wait.
class GilRelease {
  public:
    // Written out, so that a guard that is only declared draws no warning about an unused variable.
    GilRelease() {}
    ~GilRelease() {}

    GilRelease(const GilRelease&) = delete;
    GilRelease& operator=(const GilRelease&) = delete;

    /// Does nothing.
    void acquire() {}

    /// Does nothing.
    void release() {}
};

} // namespace rogue

#endif
