// Stands in for Rogue's guard that takes Python's interpreter lock. There is no Python here.
#ifndef ROGUE_SCOPED_GIL_H
#define ROGUE_SCOPED_GIL_H

#include "rogue/Directives.h"

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
