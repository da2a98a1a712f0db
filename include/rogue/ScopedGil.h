// Stands in for Rogue's guard that takes Python's interpreter lock. There is no Python here.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_SCOPED_GIL_H
#define ROGUE_SCOPED_GIL_H

namespace rogue {

/// Does nothing. Programs hold one around calls into Python.
class ScopedGil {
  public:
    // Written out, so that a guard that is only declared draws no warning about an unused variable.
    ScopedGil() {}
    ~ScopedGil() {}

    ScopedGil(const ScopedGil&) = delete;
    ScopedGil& operator=(const ScopedGil&) = delete;
};

} // namespace rogue

#endif
