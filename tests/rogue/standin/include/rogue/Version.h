// Stand-in for Rogue's header of this name: which release the library is.
#ifndef STANDIN_ROGUE_VERSION_H
#define STANDIN_ROGUE_VERSION_H
#include "rogue/Directives.h"

#include <string>

namespace rogue {

class Version {
  public:
    static std::string current();
};

} // namespace rogue
#endif
