// Defines the destructor here, so that the compiler puts the class's virtual table into this file
// alone.
#include "rogue/EnableSharedFromThis.h"

namespace rogue {

EnableSharedFromThisBase::~EnableSharedFromThisBase() = default;

} // namespace rogue
