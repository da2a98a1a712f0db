// One access on the memory bus, as a slave sees it.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_TRANSACTION_H
#define ROGUE_INTERFACES_MEMORY_TRANSACTION_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/EnableSharedFromThis.h"
#include "rogue/Logging.h"

#include <stdint.h>
#include <sys/time.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace rogue_memory_bridge {
struct Access;

/// A handle of the Rust side, which is as large as a pointer.
struct TransactionState {
    void* handle;
};
} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

class TransactionLock;
class Transaction;

// Declared here because Rogue's header of this name declares them, and programs rely on it.
class Master;
class Hub;

/// Transactions by their ids, for a slave that keeps some.
using TransactionMap = std::map<uint32_t, std::shared_ptr<Transaction>>;

/// One access that a master asks of a slave. The slave completes it once, with `done`, `error` or
/// `errorStr`, at once or later, on any thread; a second completion is ignored. All methods may be
/// called from any thread.
class Transaction : public rogue::EnableSharedFromThis<Transaction> {
  public:
    /// Points to a byte of the transaction.
    typedef uint8_t* iterator;

    /// Makes a transaction of no bytes, with type 0 and address 0, for a slave that has `timeout`
    /// to carry it out. Transactions that move bytes are made by masters.
    explicit Transaction(struct timeval timeout);

    /// For the library only.
    explicit Transaction(rogue_memory_bridge::TransactionState state);

    /// Fails the transaction if it has not been completed, and no master or piece refers to it any
    /// more.
    ~Transaction() override;

    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Locks the transaction's bytes, see TransactionLock. Waits while another lock on them is
    /// held.
    std::shared_ptr<TransactionLock> lock();

    /// Whether the slave can no longer reach the bytes: the transaction has completed, its master
    /// has stopped waiting for it, or it never had any bytes.
    bool expired();

    /// The transaction's number in this process, never 0.
    uint32_t id();

    /// The address of the first byte. Each hub that the transaction has passed has added its
    /// offset.
    uint64_t address();

    /// The size in bytes.
    uint32_t size();

    /// The type; see Constants.h.
    uint32_t type();

    /// Makes a piece of this transaction (a sub-transaction), of no bytes, at the same address.
    /// This transaction completes when `doneSubTransactions` has been called and all its pieces
    /// have completed; it fails if one of them has failed.
    std::shared_ptr<Transaction> createSubTransaction();

    /// Says that no more pieces will be made.
    void doneSubTransactions();

    /// Starts the transaction's time again. With a `reference`, which may be null, this happens
    /// only if the transaction is not older than the reference.
    void refreshTimer(std::shared_ptr<Transaction> reference);

    /// Completes the transaction: it has been carried out.
    void done();

    /// Completes the transaction: it has failed. The master gets `error` as the reason, as it
    /// stands.
    void errorStr(std::string error);

    /// Completes the transaction: it has failed. The reason is formatted as by printf. The format
    /// must be part of the program: text from elsewhere goes to `errorStr`.
    void error(const char* fmt, ...);

    /// The place of the first byte, to be used only while a lock is held. Throws GeneralError if
    /// the bytes are out of reach, see `expired`.
    iterator begin();

    /// The place behind the last byte. Otherwise as `begin`.
    iterator end();

  private:
    friend struct rogue_memory_bridge::Access;

    rogue_memory_bridge::TransactionState state_;
};

/// Pointer to a transaction.
typedef std::shared_ptr<Transaction> TransactionPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
