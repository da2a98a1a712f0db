// The right to touch the bytes of a transaction.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_TRANSACTION_LOCK_H
#define ROGUE_INTERFACES_MEMORY_TRANSACTION_LOCK_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

#include <atomic>
#include <memory>
#include <thread>

namespace rogue_memory_bridge {
struct DataLock;
}

namespace rogue {
namespace interfaces {
namespace memory {

class Transaction;

/// Must be held during every access to the bytes between `begin()` and `end()` of a transaction.
/// While it is held, nothing else touches those bytes, and the master keeps waiting, even past its
/// timeout: hold the lock for the copying, not for the work. A transaction that is completed under
/// its lock counts as complete when the lock is released.
///
/// A thread that locks a transaction twice, by two objects, waits for ever. Any thread may lock and
/// unlock an object that another thread has made or locked, also at the same time.
class TransactionLock {
  public:
    /// Locks `transaction`. Waits while another object holds a lock on its bytes. Throws
    /// GeneralError if `transaction` is null.
    static std::shared_ptr<TransactionLock> create(std::shared_ptr<Transaction> transaction);

    /// As `create`.
    explicit TransactionLock(std::shared_ptr<Transaction> transaction);

    /// Releases the lock if it is held.
    ~TransactionLock();

    TransactionLock(const TransactionLock&) = delete;
    TransactionLock& operator=(const TransactionLock&) = delete;

    /// Takes the lock again after `unlock`. Does nothing if this object holds it. If another thread
    /// is taking it for this object, waits until that thread has it.
    void lock();

    /// Releases the lock. Does nothing if this object does not hold it.
    void unlock();

  private:
    std::shared_ptr<Transaction> transaction_;
    /// The lock of the Rust side while it is held, a mark while it is being taken, otherwise null.
    std::atomic<rogue_memory_bridge::DataLock*> held_;
};

/// Pointer to a lock.
typedef std::shared_ptr<TransactionLock> TransactionLockPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
