// The source of transactions on the memory bus.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_MASTER_H
#define ROGUE_INTERFACES_MEMORY_MASTER_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/Logging.h"

#include <stdint.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace rogue_memory_bridge {
struct Access;
struct MasterState;
} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

class Slave;
class Transaction;

/// Makes transactions, hands them to the slave that it is connected to, and waits for them. All
/// methods may be called from any thread.
class Master {
  public:
    /// Makes a master that is not connected: its transactions fail.
    static std::shared_ptr<Master> create();

    /// As `create`.
    Master();

    /// Fails the outstanding transactions. Afterwards nothing touches their data.
    virtual ~Master();

    Master(const Master&) = delete;
    Master& operator=(const Master&) = delete;

    /// Stops what a derived class runs. Does nothing in this class.
    virtual void stop();

    /// Connects the master to `slave`, in place of the one before, and keeps it alive. A null
    /// pointer disconnects the master.
    void setSlave(std::shared_ptr<Slave> slave);

    /// The slave that the master is connected to. Never null: a master that is not connected has a
    /// slave that fails every transaction.
    std::shared_ptr<Slave> getSlave();

    /// The number of the slave, see `Slave::doSlaveId`.
    uint32_t reqSlaveId();

    /// The name of the slave, see `Slave::doSlaveName`.
    std::string reqSlaveName();

    /// The smallest access of the slave in bytes.
    uint32_t reqMinAccess();

    /// The largest access of the slave in bytes; 0 is no limit.
    uint32_t reqMaxAccess();

    /// The address of the slave, see `Slave::doAddress`.
    uint64_t reqAddress();

    /// The text of the last failure that a wait of this master found; empty if there was none since
    /// `clearError`.
    std::string getError();

    /// Forgets the last failure.
    void clearError();

    /// Sets the timeout of each transaction made from now on, in microseconds. 0 changes nothing.
    /// 1000000 unless set. The time runs from the moment when the slave has taken the transaction,
    /// and starts again with each answer of the slave to an earlier one.
    void setTimeout(uint64_t timeout);

    /// Makes a transaction that moves `size` bytes between `data` and `address` at the slave, and
    /// hands it to the slave on the calling thread. `type` is one of Constants.h. Returns the
    /// transaction's id, which is never 0, for `waitTransaction`. Every failure, also an exception
    /// of the slave, is reported by `getError` after that wait.
    ///
    /// Bytes are transferred as they are in memory; nothing swaps them. Registers of Rogue's
    /// firmware are little-endian by convention.
    ///
    /// `data` is lent to the library until the wait has returned. Until then it must stay where it
    /// is, and the program must not touch it, whatever the type.
    uint32_t reqTransaction(uint64_t address, uint32_t size, void* data, uint32_t type);

    /// Waits until the transaction `id` has completed or its time is over; with an `id` of 0, for
    /// all transactions of this master. For an id that is not outstanding it returns at once.
    /// Afterwards nothing touches the data, and `getError` has the text of a failure.
    void waitTransaction(uint32_t id);

    /// Copies `size` bits from bit `srcLsb` of `srcData` to bit `dstLsb` of `dstData`. Bit n is bit
    /// n % 8 of byte n / 8. The two may overlap. Throws GeneralError if a pointer is null.
    static void copyBits(uint8_t* dstData, uint32_t dstLsb, uint8_t* srcData, uint32_t srcLsb,
                         uint32_t size);

    /// Sets `size` bits of `dstData` to 1, starting at bit `lsb`. Throws GeneralError if the
    /// pointer is null.
    static void setBits(uint8_t* dstData, uint32_t lsb, uint32_t size);

    /// Whether any of `size` bits of `srcData` is 1, starting at bit `lsb`. Throws GeneralError if
    /// the pointer is null.
    static bool anyBits(uint8_t* srcData, uint32_t lsb, uint32_t size);

    /// Connects the master to `slave`, a shared pointer to any class of slave. Returns the same
    /// pointer, so that connections can be chained: `*(*master >> hub) >> slave`.
    template <typename Pointer>
    typename std::enable_if<std::is_convertible<Pointer, std::shared_ptr<Slave>>::value,
                            Pointer>::type
    operator>>(Pointer&& slave) {
        setSlave(slave);
        return std::forward<Pointer>(slave);
    }

  protected:
    /// Registers a transaction that was made elsewhere as one of this master's, and hands it to the
    /// slave. Returns its id, for `waitTransaction`. Throws GeneralError if it is null.
    uint32_t intTransaction(std::shared_ptr<Transaction> transaction);

  private:
    friend struct rogue_memory_bridge::Access;

    std::shared_ptr<rogue_memory_bridge::MasterState> state_;
};

/// Pointer to a master.
typedef std::shared_ptr<Master> MasterPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
