// `shared_from_this` for classes that inherit it more than once.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_ENABLE_SHARED_FROM_THIS_H
#define ROGUE_ENABLE_SHARED_FROM_THIS_H

#include <memory>

namespace rogue {

/// Keeps track of an object's owners. It is a virtual base, so an object has it once, however many
/// of its base classes offer `shared_from_this`.
class EnableSharedFromThisBase : public std::enable_shared_from_this<EnableSharedFromThisBase> {
  public:
    virtual ~EnableSharedFromThisBase();
};

/// Base of a class `T` whose objects hand out shared pointers to themselves. A class may have
/// several such bases; it then names the one that it means: `Slave::shared_from_this()`.
template <typename T>
class EnableSharedFromThis : public virtual EnableSharedFromThisBase {
  public:
    /// A further shared pointer to this object. Throws std::bad_weak_ptr if no shared pointer owns
    /// the object: in its constructor, in its destructor, or if it was made without one.
    std::shared_ptr<T> shared_from_this() {
        return std::dynamic_pointer_cast<T>(EnableSharedFromThisBase::shared_from_this());
    }
};

} // namespace rogue

#endif
