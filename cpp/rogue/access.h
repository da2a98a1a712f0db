// One transaction from the network in the hands of the slave that the server is connected to.
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

/// The library's side of a transaction. It fails when it goes without having been completed, so
/// that no client is left without an answer.
typedef std::unique_ptr<rim_transaction, FreeTransaction> Wire;

/// Rogue's side of it: a transaction that the server itself is the master of. A master has one text
/// for the failures of all its transactions; this keeps that of each apart. Its bytes are its own
/// and live as long as anyone has a reference to it.
class Access : public rim::Transaction {
  public:
    /// Takes the data of a write from the network. Throws GeneralError if that is gone.
    Access(Wire wire, timeval timeout);

    /// Fails it unless it is over, waiting for who holds its lock.
    void fail(const std::string& text);

    /// As `fail`, if nobody holds its lock: whether it is over now.
    bool tryFail(const std::string& text);

    /// Whether it is over, as far as that can be told without waiting.
    bool over();

    /// Waits until it is over, or its time is, and sends the answer. To be called once. Its time
    /// runs from the last refreshTimer.
    void answer();

  private:
    Wire wire_;
    std::vector<uint8_t> bytes_;
};

typedef std::shared_ptr<Access> AccessPtr;

} // namespace RMB_HIDDEN

#endif
