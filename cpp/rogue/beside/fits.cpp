// Tells the library that loads this one (gate.cpp) whether the Rogue that is there has the objects
// that this was compiled for, as far as that can be seen from outside.
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"

#include <malloc.h>

#include <memory>

namespace rim = rogue::interfaces::memory;

namespace {

/// Whether an object that Rogue made (std::make_shared: a vtable pointer, two counts, the object)
/// takes the memory that it would take here. An allocator rounds up.
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
