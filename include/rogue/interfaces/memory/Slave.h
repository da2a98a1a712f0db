// What carries out transactions on the memory bus.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_SLAVE_H
#define ROGUE_INTERFACES_MEMORY_SLAVE_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/EnableSharedFromThis.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Transaction.h"

#include <stdint.h>

#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace rogue_memory_bridge {
struct SlaveState;
}

namespace rogue {
namespace interfaces {
namespace memory {

/// Base of all slaves. A slave of one's own overrides `doTransaction`. The `do` methods are called
/// on the thread of the master that asks, several at a time if several ask.
class Slave : public rogue::EnableSharedFromThis<Slave> {
  public:
    /// A slave for accesses of `min` to `max` bytes. Being only a base, it fails every transaction.
    static std::shared_ptr<Slave> create(uint32_t min, uint32_t max);

    /// As `create`.
    Slave(uint32_t min, uint32_t max);

    ~Slave() override;

    Slave(const Slave&) = delete;
    Slave& operator=(const Slave&) = delete;

    /// Ends what the slave has running; nothing in this class.
    virtual void stop();

    /// Keeps a transaction that will be completed later, under its id.
    void addTransaction(std::shared_ptr<Transaction> transaction);

    /// Takes out the transaction kept under the id `index`: the same pointer that was added, or
    /// null. It may have expired. Transactions that came after it have their time started anew,
    /// since the slave is alive.
    std::shared_ptr<Transaction> getTransaction(uint32_t index);

    /// The smallest access in bytes, as given to the constructor.
    uint32_t min();

    /// The largest access in bytes, as given to the constructor.
    uint32_t max();

    /// The slave's number, never 0.
    uint32_t id();

    /// Names the slave.
    void setName(std::string name);

    /// The slave's name.
    std::string name();

    /// The number that masters are told.
    virtual uint32_t doSlaveId();

    /// The name that masters are told.
    virtual std::string doSlaveName();

    /// The smallest access in bytes that masters are told.
    virtual uint32_t doMinAccess();

    /// The largest access in bytes that masters are told; 0 when none is known.
    virtual uint32_t doMaxAccess();

    /// The address that masters are told.
    virtual uint64_t doAddress();

    /// Takes `transaction` and completes it, at once or later, on any thread. An exception fails it
    /// with the exception's text.
    ///
    /// A slave over device memory (mmap of /dev/mem or of a UIO device) moves the bytes by aligned
    /// accesses as wide as the bus, through volatile pointers, and never by memcpy: that may use
    /// single bytes or wide vectors, which such memory splits or answers with a bus error.
    /// docs/cpp-api.md shows a slave that does it right.
    virtual void doTransaction(std::shared_ptr<Transaction> transaction);

    /// Connects `master`, a shared pointer to any class of master, to this slave, and returns that
    /// same pointer.
    template <typename Pointer>
    typename std::enable_if<std::is_convertible<Pointer, std::shared_ptr<Master>>::value,
                            Pointer>::type
    operator<<(Pointer&& master) {
        master->setSlave(Slave::shared_from_this());
        return std::forward<Pointer>(master);
    }

  private:
    std::unique_ptr<rogue_memory_bridge::SlaveState> state_;
};

/// Pointer to a slave.
typedef std::shared_ptr<Slave> SlavePtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
