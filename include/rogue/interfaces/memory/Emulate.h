// Emulated memory, for tests.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_EMULATE_H
#define ROGUE_INTERFACES_MEMORY_EMULATE_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/interfaces/memory/Slave.h"

#include <stdint.h>

#include <memory>
#include <thread>
#include <vector>

namespace rogue_memory_bridge {
struct EmulateState;
}

namespace rogue {
namespace interfaces {
namespace memory {

/// A slave that is memory. It keeps what is written; addresses that were never written read as 0.
/// It allocates 4 KiB at a time, when they are first written to, up to 1 GiB.
class Emulate : public Slave {
  public:
    /// Makes a memory that takes accesses of `min` to `max` bytes, at addresses and in sizes that
    /// are multiples of `min`; others fail. A `max` of 0 is no limit.
    static std::shared_ptr<Emulate> create(uint32_t min, uint32_t max);

    /// As `create`.
    Emulate(uint32_t min, uint32_t max);

    ~Emulate() override;

    void doTransaction(std::shared_ptr<Transaction> transaction) override;

  private:
    std::unique_ptr<rogue_memory_bridge::EmulateState> memory_;
};

/// Pointer to an emulated memory.
typedef std::shared_ptr<Emulate> EmulatePtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
