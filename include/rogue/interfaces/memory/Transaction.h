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

/// What a master asks of a slave. The slave completes it once, with `done` or `error`, at once or
/// later, on any thread; a second completion is ignored. All methods may be called from any thread.
class Transaction : public rogue::EnableSharedFromThis<Transaction> {
  public:
    /// Points to a byte of the transaction.
    typedef uint8_t* iterator;

    /// A transaction of no bytes, type 0, at address 0, for a slave that has `timeout` to carry it
    /// out. Masters make those that move something.
    explicit Transaction(struct timeval timeout);

    /// For the library alone.
    explicit Transaction(rogue_memory_bridge::TransactionState state);

    /// Fails the transaction if nobody has completed it and no master knows it any more.
    ~Transaction() override;

    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Locks the transaction's bytes; see TransactionLock.
    std::shared_ptr<TransactionLock> lock();

    /// Whether the bytes are out of reach: the transaction has completed, or its master has stopped
    /// waiting for it.
    bool expired();

    /// The transaction's number in this process, never 0.
    uint32_t id();

    /// The address, as moved by the hubs that it has passed.
    uint64_t address();

    /// Bytes to move.
    uint32_t size();

    /// The type; see Constants.h.
    uint32_t type();

    /// A part of this transaction, of no bytes, at the same address. This transaction completes
    /// when `doneSubTransactions` has been called and all its parts have completed; it fails when
    /// one of them has.
    std::shared_ptr<Transaction> createSubTransaction();

    /// No more parts will be made.
    void doneSubTransactions();

    /// Starts the transaction's time anew, if `reference` is not younger than it, or null.
    void refreshTimer(std::shared_ptr<Transaction> reference);

    /// The transaction has been carried out.
    void done();

    /// The transaction has failed, for the reason told by `error`, as it stands.
    void errorStr(std::string error);

    /// The transaction has failed; the reason is formatted as by printf. Only a format that is part
    /// of the program may be given: text from elsewhere goes to `errorStr`.
    void error(const char* fmt, ...);

    /// The first byte. Throws GeneralError when the bytes are out of reach. Hold a lock while using
    /// it.
    iterator begin();

    /// Behind the last byte. As `begin`.
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
