// The home of the class's virtual table.
#include "rogue/EnableSharedFromThis.h"

namespace rogue {

EnableSharedFromThisBase::~EnableSharedFromThisBase() = default;

} // namespace rogue
