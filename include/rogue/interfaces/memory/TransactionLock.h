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

/// Held around every access to the bytes between `begin()` and `end()` of a transaction. While it
/// is held, nobody else touches those bytes, and a master that waits for the transaction does not
/// return: a transaction completed under its lock counts as complete when the lock is released.
/// A thread that locks what it has locked already waits for ever. Any thread may lock and unlock an
/// object that another has made or locked, at the same time too.
class TransactionLock {
  public:
    /// Locks `transaction`, after waiting for other holders.
    static std::shared_ptr<TransactionLock> create(std::shared_ptr<Transaction> transaction);

    /// As `create`.
    explicit TransactionLock(std::shared_ptr<Transaction> transaction);

    /// Releases the lock if it is held.
    ~TransactionLock();

    TransactionLock(const TransactionLock&) = delete;
    TransactionLock& operator=(const TransactionLock&) = delete;

    /// Takes the lock again after `unlock`. Does nothing when it is held by this object; while
    /// another thread takes it for this object, waits for that.
    void lock();

    /// Releases the lock. Does nothing when it is not held.
    void unlock();

  private:
    std::shared_ptr<Transaction> transaction_;
    /// The lock of the Rust side while it is held, else null, or a mark while it is being taken.
    std::atomic<rogue_memory_bridge::DataLock*> held_;
};

/// Pointer to a lock.
typedef std::shared_ptr<TransactionLock> TransactionLockPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
