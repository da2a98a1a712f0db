// Access to the private state of the public classes, for the library's own sources. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_ACCESS_H
#define ROGUE_MEMORY_BRIDGE_ACCESS_H

#include "bridge.h"
#include "reuse.h"

#include "rogue/interfaces/memory/Slave.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace rogue_memory_bridge {

/// The state of a master. A server shares it with its thread, which may outlive the server object.
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

/// Functions that reach private members.
struct Access {
    static Transaction& handle(rogue::interfaces::memory::Transaction& transaction) {
        return handle(transaction.state_);
    }

    static const std::shared_ptr<MasterState>& state(rogue::interfaces::memory::Master& master) {
        return master.state_;
    }

    /// To the Rust side, a reference to a handle is the address at which the handle is stored.
    static Transaction& handle(TransactionState& state) {
        // src/bridge/memory.rs asserts that a handle of the Rust side is one pointer, too.
        static_assert(std::is_standard_layout<TransactionState>::value &&
                          std::is_trivially_copyable<TransactionState>::value &&
                          offsetof(TransactionState, handle) == 0 &&
                          sizeof(TransactionState) == sizeof(void*) &&
                          alignof(TransactionState) == alignof(void*),
                      "TransactionState must be one pointer");
        return reinterpret_cast<Transaction&>(state);
    }

    /// Makes the C++ object that owns `handle`, a new handle of the Rust side. If that fails, frees
    /// the handle.
    static rogue::interfaces::memory::TransactionPtr wrap(uint8_t* handle) {
        static_assert(sizeof(handle) == sizeof(TransactionState), "a handle must fit its place");
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
