// Tells the library that loads this one (gate.cpp) whether the objects of the present Rogue are
// those that this was compiled for, as far as that can be checked from outside.
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"

#include <malloc.h>

#include <memory>

namespace rim = rogue::interfaces::memory;

namespace {

/// Whether an object that Rogue made occupies the memory that it would occupy here.
/// std::make_shared allocates a vtable pointer, two counts and the object together; the allocator
/// rounds up.
template <typename Class>
bool sameSize(const std::shared_ptr<Class>& made) {
    const size_t before = 2 * sizeof(void*);
    const size_t here = before + sizeof(Class);
    const size_t there = malloc_usable_size(reinterpret_cast<char*>(made.get()) - before);
    return there >= here && there < here + 64;
}

} // namespace

extern "C" __attribute__((visibility("default"))) bool rogue_memory_bridge_fits() {
    return sameSize(rim::Master::create()) && sameSize(rim::Slave::create(4, 4));
}
