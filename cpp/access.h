// What the classes keep behind their private pointers, as far as one class needs another's. Not
// installed.
#ifndef ROGUE_MEMORY_BRIDGE_ACCESS_H
#define ROGUE_MEMORY_BRIDGE_ACCESS_H

#include "bridge.h"
#include "reuse.h"

#include "rogue/interfaces/memory/Slave.h"

#include <memory>
#include <mutex>
#include <utility>

namespace rogue_memory_bridge {

/// Shared with the thread of a server, which may outlive the server object.
struct MasterState {
    MasterState();

    rogue::interfaces::memory::SlavePtr getSlave();
    void setSlave(rogue::interfaces::memory::SlavePtr slave);

    Owned<Master> handle;

  private:
    bool take(std::unique_lock<std::mutex>& lock);

    std::mutex mutex_;
    rogue::interfaces::memory::SlavePtr slave_;
};

/// The way past `private`, for the library's own sources.
struct Access {
    static Transaction& handle(rogue::interfaces::memory::Transaction& transaction) {
        return handle(transaction.state_);
    }

    static const std::shared_ptr<MasterState>& state(rogue::interfaces::memory::Master& master) {
        return master.state_;
    }

    /// The Rust side takes a reference to a handle for the address where it is.
    static Transaction& handle(TransactionState& state) {
        return reinterpret_cast<Transaction&>(state);
    }

    /// The C++ object for a new handle of the Rust side, which is its from now on.
    static rogue::interfaces::memory::TransactionPtr wrap(uint8_t* handle) {
        try {
            typedef rogue::interfaces::memory::Transaction Object;
            return std::allocate_shared<Object>(Reusing<Object>(), TransactionState{handle});
        } catch (...) {
            transaction_free(handle);
            throw;
        }
    }
};

} // namespace rogue_memory_bridge

#endif
