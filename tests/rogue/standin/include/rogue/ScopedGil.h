// Stand-in for Rogue's header of this name: takes Python's lock for a scope.
#ifndef STANDIN_ROGUE_SCOPED_GIL_H
#define STANDIN_ROGUE_SCOPED_GIL_H
#include "rogue/Directives.h"
#ifndef NO_PYTHON
#include <boost/python.hpp>
#endif

namespace rogue {

class ScopedGil {
#ifndef NO_PYTHON
    PyGILState_STATE state_;
#endif

  public:
    ScopedGil();
    ~ScopedGil();
};

} // namespace rogue
#endif
