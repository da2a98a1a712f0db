// Who asks on the memory bus.

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
    /// A master that is connected to nothing: its transactions fail.
    static std::shared_ptr<Master> create();

    /// As `create`.
    Master();

    virtual ~Master();

    Master(const Master&) = delete;
    Master& operator=(const Master&) = delete;

    /// Ends what the master has running; nothing in this class.
    virtual void stop();

    /// Connects the master to `slave`; a null pointer disconnects it.
    void setSlave(std::shared_ptr<Slave> slave);

    /// The slave that the master is connected to. Never null: a slave that fails everything stands
    /// in where there is none.
    std::shared_ptr<Slave> getSlave();

    /// The number of the slave.
    uint32_t reqSlaveId();

    /// The name of the slave.
    std::string reqSlaveName();

    /// The smallest access of the slave in bytes.
    uint32_t reqMinAccess();

    /// The largest access of the slave in bytes; 0 when none is known.
    uint32_t reqMaxAccess();

    /// The address of the slave.
    uint64_t reqAddress();

    /// The text of the last failure that a wait has met; empty if there was none since
    /// `clearError`.
    std::string getError();

    /// Forgets the last failure.
    void clearError();

    /// Sets the time that slaves have for each transaction made from now on, in microseconds; 0
    /// changes nothing. It is 1 s unless set.
    void setTimeout(uint64_t timeout);

    /// Makes a transaction that moves `size` bytes between `data` and `address` at the slave, and
    /// hands it to the slave on the calling thread. `type` is one of Constants.h. Every failure,
    /// an exception of the slave's among them, is told by waiting for it.
    ///
    /// Bytes go as they are in memory: nobody swaps them. Registers of Rogue's firmware are
    /// little-endian by convention.
    ///
    /// `data` must stay as it is, untouched, until the wait has returned. Returns the transaction's
    /// id.
    uint32_t reqTransaction(uint64_t address, uint32_t size, void* data, uint32_t type);

    /// Waits until the transaction `id` has completed or its time is over; for all of this master
    /// when `id` is 0. Afterwards nothing touches their data, and `getError` knows of their
    /// failure.
    void waitTransaction(uint32_t id);

    /// Copies `size` bits from bit `srcLsb` of `srcData` to bit `dstLsb` of `dstData`. Bit n is bit
    /// n % 8 of byte n / 8.
    static void copyBits(uint8_t* dstData, uint32_t dstLsb, uint8_t* srcData, uint32_t srcLsb,
                         uint32_t size);

    /// Sets `size` bits of `dstData` from bit `lsb`.
    static void setBits(uint8_t* dstData, uint32_t lsb, uint32_t size);

    /// Whether any of `size` bits of `srcData` from bit `lsb` is set.
    static bool anyBits(uint8_t* srcData, uint32_t lsb, uint32_t size);

    /// Connects the master to `slave`, a shared pointer to any class of slave, and returns that
    /// same pointer, so that connections chain: `*(*master >> hub) >> slave`.
    template <typename Pointer>
    typename std::enable_if<std::is_convertible<Pointer, std::shared_ptr<Slave>>::value,
                            Pointer>::type
    operator>>(Pointer&& slave) {
        setSlave(slave);
        return std::forward<Pointer>(slave);
    }

  protected:
    /// Hands a transaction made elsewhere to the slave, and takes it on as one of this master's, to
    /// be waited for. Returns its id.
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
