// The right to touch a transaction's bytes: a DataLock of the Rust side while it is held.
#include "rogue/interfaces/memory/TransactionLock.h"

#include "access.h"

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

struct LockState {
    rogue::interfaces::memory::TransactionPtr transaction;
    std::unique_ptr<rust::Box<DataLock>> held;
};

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

TransactionLockPtr TransactionLock::create(TransactionPtr transaction) {
    return std::make_shared<TransactionLock>(std::move(transaction));
}

TransactionLock::TransactionLock(TransactionPtr transaction) : state_(new rmb::LockState) {
    if (!transaction) throw GeneralError("TransactionLock", "There is no transaction to lock");
    state_->transaction = std::move(transaction);
    lock();
}

TransactionLock::~TransactionLock() = default;

void TransactionLock::lock() {
    if (state_->held) return;
    rmb::Transaction& transaction = rmb::Access::handle(*state_->transaction);
    state_->held.reset(new rust::Box<rmb::DataLock>(
        rmb::checked("TransactionLock::lock", [&] { return rmb::transaction_lock(transaction); })));
}

void TransactionLock::unlock() { state_->held.reset(); }

} // namespace memory
} // namespace interfaces
} // namespace rogue
