// What the classes keep behind their private pointers, as far as one class needs another's. Not
// installed.
#ifndef ROGUE_MEMORY_BRIDGE_ACCESS_H
#define ROGUE_MEMORY_BRIDGE_ACCESS_H

#include "bridge.h"

#include "rogue/interfaces/memory/Slave.h"

#include <memory>
#include <mutex>
#include <utility>

namespace rogue_memory_bridge {

struct TransactionState {
    explicit TransactionState(rust::Box<Transaction> box) : handle(std::move(box)) {}

    rust::Box<Transaction> handle;
};

/// Shared with the thread of a server, which may outlive the server object.
struct MasterState {
    MasterState();

    rogue::interfaces::memory::SlavePtr getSlave();
    void setSlave(rogue::interfaces::memory::SlavePtr slave);

    rust::Box<Master> handle;

  private:
    std::mutex mutex_;
    rogue::interfaces::memory::SlavePtr slave_;
};

/// The way past `private`, for the library's own sources.
struct Access {
    static Transaction& handle(rogue::interfaces::memory::Transaction& transaction) {
        return *transaction.state_->handle;
    }

    static const std::shared_ptr<MasterState>& state(rogue::interfaces::memory::Master& master) {
        return master.state_;
    }

    /// The C++ object for a new transaction of the Rust side.
    static rogue::interfaces::memory::TransactionPtr wrap(rust::Box<Transaction> transaction) {
        return std::make_shared<rogue::interfaces::memory::Transaction>(
            std::unique_ptr<TransactionState>(new TransactionState(std::move(transaction))));
    }
};

} // namespace rogue_memory_bridge

#endif
