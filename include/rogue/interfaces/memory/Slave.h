// The base of everything that carries out transactions on the memory bus.

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

/// Base of all slaves. A slave of your own overrides `doTransaction`. The `do` methods are called
/// on the thread of the master that asks, and by several threads at once if several masters ask.
class Slave : public rogue::EnableSharedFromThis<Slave> {
  public:
    /// Makes a slave for accesses of `min` to `max` bytes; a `max` of 0 is no limit. It is only a
    /// base, and fails every transaction.
    static std::shared_ptr<Slave> create(uint32_t min, uint32_t max);

    /// As `create`.
    Slave(uint32_t min, uint32_t max);

    ~Slave() override;

    Slave(const Slave&) = delete;
    Slave& operator=(const Slave&) = delete;

    /// Stops what a derived class runs. Does nothing in this class.
    virtual void stop();

    /// Keeps a transaction under its id, to be completed later. Throws GeneralError if it is null.
    void addTransaction(std::shared_ptr<Transaction> transaction);

    /// Takes out the transaction that is kept under the id `index`. Returns the pointer that was
    /// added, or null if there is none. The transaction may have expired. The time of later
    /// transactions starts again, since the slave is alive.
    std::shared_ptr<Transaction> getTransaction(uint32_t index);

    /// The smallest access in bytes, as given to the constructor.
    uint32_t min();

    /// The largest access in bytes, as given to the constructor.
    uint32_t max();

    /// The slave's number in this process, never 0.
    uint32_t id();

    /// Sets the slave's name. It is `Unnamed_` and the slave's number unless set.
    void setName(std::string name);

    /// The slave's name.
    std::string name();

    /// The number that masters get from `reqSlaveId`. Unless overridden: `id`.
    virtual uint32_t doSlaveId();

    /// The name that masters get from `reqSlaveName`. Unless overridden: `name`.
    virtual std::string doSlaveName();

    /// The smallest access in bytes that masters get from `reqMinAccess`. Unless overridden: `min`.
    virtual uint32_t doMinAccess();

    /// The largest access in bytes that masters get from `reqMaxAccess`; 0 is no limit. Unless
    /// overridden: `max`.
    virtual uint32_t doMaxAccess();

    /// The address that masters get from `reqAddress`. Unless overridden: 0.
    virtual uint64_t doAddress();

    /// Takes `transaction` and completes it, at once or later, on any thread. An exception fails it
    /// with the exception's text. Unless overridden, every transaction fails.
    ///
    /// A slave over device memory (mmap of /dev/mem or of a UIO device) moves the bytes by aligned
    /// accesses as wide as the bus, through volatile pointers. It must not use memcpy there, which
    /// may use single bytes or wide vectors: device memory splits such accesses or answers with a
    /// bus error. docs/cpp-api.md shows a slave that does it right.
    virtual void doTransaction(std::shared_ptr<Transaction> transaction);

    /// Connects `master`, a shared pointer to any class of master, to this slave. Returns the same
    /// pointer.
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
