// A branch of the memory bus.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_HUB_H
#define ROGUE_INTERFACES_MEMORY_HUB_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"

#include <stdint.h>

#include <memory>
#include <string>
#include <thread>

namespace rogue {
namespace interfaces {
namespace memory {

/// Passes transactions on to the slave behind it: adds an offset to their addresses, and splits
/// those that are larger than that slave takes. A transaction that would go beyond the last
/// address, 2^64 - 1, fails before any of it is passed on.
///
/// With `min` and `max` both above 0, the hub is the root of an address space of its own: it has
/// its own number, name and access sizes, and its address is 0. Otherwise it gives the number, name
/// and smallest access of the slave behind it, and takes transactions of any size.
class Hub : public Master, public Slave {
  public:
    /// Makes a hub that adds `offset` to each address. `min` and `max` are in bytes.
    static std::shared_ptr<Hub> create(uint64_t offset, uint32_t min, uint32_t max);

    /// As `create`.
    Hub(uint64_t offset, uint32_t min, uint32_t max);

    ~Hub() override;

    /// Stops what a derived class runs. Does nothing in this class.
    void stop() override;

    /// The offset that the hub adds to each address.
    uint64_t getOffset();

    /// The address of the slave behind the hub, plus the offset.
    uint64_t getAddress();

    uint32_t doSlaveId() override;
    std::string doSlaveName() override;
    uint32_t doMinAccess() override;
    uint32_t doMaxAccess() override;
    uint64_t doAddress() override;
    void doTransaction(std::shared_ptr<Transaction> transaction) override;

  private:
    uint64_t offset_;
    bool root_;
};

/// Pointer to a hub.
typedef std::shared_ptr<Hub> HubPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
