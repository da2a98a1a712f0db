// Memory that is there only for testing.

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

/// A slave that reads and writes memory of its own, in pages of 4 KiB that are allocated when they
/// are first written to. What was never written reads as zero.
class Emulate : public Slave {
  public:
    /// Memory for accesses of `min` to `max` bytes, at addresses and of sizes that are multiples of
    /// `min`; everything else is refused.
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
