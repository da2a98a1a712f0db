// Stand-in for Rogue's header of this name: lets go of Python's lock for a scope, if the thread
// has it.
#ifndef STANDIN_ROGUE_GIL_RELEASE_H
#define STANDIN_ROGUE_GIL_RELEASE_H
#include "rogue/Directives.h"
#ifndef NO_PYTHON
#include <boost/python.hpp>
#endif

namespace rogue {

class GilRelease {
#ifndef NO_PYTHON
    PyThreadState* state_;
#endif

  public:
    GilRelease();
    ~GilRelease();
};

} // namespace rogue
#endif
