// One transaction from the network, while it is with the server's slave.
#ifndef ROGUE_MEMORY_BRIDGE_ACCESS_H
#define ROGUE_MEMORY_BRIDGE_ACCESS_H

#include "inside.h"

#include "rogue/rim.h"

#include <memory>
#include <string>
#include <vector>

namespace rogue_memory_bridge RMB_HIDDEN {

struct FreeTransaction {
    void operator()(rim_transaction* transaction) const { rim_transaction_free(transaction); }
};

/// The library's side of a transaction. If it is destroyed before it was completed, the transaction
/// fails, so that every client gets an answer.
typedef std::unique_ptr<rim_transaction, FreeTransaction> Wire;

/// Rogue's side of it: a transaction whose master is the server itself. A master of Rogue's has one
/// text for the failures of all its transactions; this class keeps the text of each one separate.
/// It owns its bytes, which live as long as anything refers to it.
class Access : public rim::Transaction {
  public:
    /// Copies the data of a write from `wire`. Throws GeneralError if that data is gone.
    Access(Wire wire, timeval timeout);

    /// Fails the transaction unless it is over. Waits while its lock is held.
    void fail(const std::string& text);

    /// As `fail`, but does nothing if the lock is held. Returns whether the transaction is over
    /// now.
    bool tryFail(const std::string& text);

    /// Whether the transaction is over; false if its lock is held, since this does not wait.
    bool over();

    /// Waits until the transaction or its time is over, and sends the answer. Call it once. The
    /// time runs from the last refreshTimer.
    void answer();

  private:
    Wire wire_;
    std::vector<uint8_t> bytes_;
};

typedef std::shared_ptr<Access> AccessPtr;

} // namespace RMB_HIDDEN

#endif
