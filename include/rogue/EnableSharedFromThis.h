// `shared_from_this` for classes that inherit it by more than one way.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_ENABLE_SHARED_FROM_THIS_H
#define ROGUE_ENABLE_SHARED_FROM_THIS_H

#include <memory>

namespace rogue {

/// The one place in an object that knows its owners, however many of its bases share it.
class EnableSharedFromThisBase : public std::enable_shared_from_this<EnableSharedFromThisBase> {
  public:
    virtual ~EnableSharedFromThisBase();
};

/// Base of a class `T` whose objects hand out shared pointers to themselves. A class may have
/// several such bases; it then names the one that it means: `Slave::shared_from_this()`.
template <typename T>
class EnableSharedFromThis : public virtual EnableSharedFromThisBase {
  public:
    /// A pointer that shares this object with its owners. Throws std::bad_weak_ptr when it has
    /// none: in the constructor, in the destructor, or outside of a shared pointer.
    std::shared_ptr<T> shared_from_this() {
        return std::dynamic_pointer_cast<T>(EnableSharedFromThisBase::shared_from_this());
    }
};

} // namespace rogue

#endif
