// Stand-in for Rogue's header of this name: shared_from_this through several bases.
#ifndef STANDIN_ROGUE_ENABLE_SHARED_FROM_THIS_H
#define STANDIN_ROGUE_ENABLE_SHARED_FROM_THIS_H
#include "rogue/Directives.h"

#include <memory>

namespace rogue {

class EnableSharedFromThisBase : public std::enable_shared_from_this<EnableSharedFromThisBase> {
  public:
    virtual ~EnableSharedFromThisBase() {}
};

template <typename T>
class EnableSharedFromThis : virtual public EnableSharedFromThisBase {
  public:
    std::shared_ptr<T> shared_from_this() {
        return std::dynamic_pointer_cast<T>(EnableSharedFromThisBase::shared_from_this());
    }
};

} // namespace rogue
#endif
