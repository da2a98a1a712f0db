// The right to touch a transaction's bytes: a DataLock of the Rust side while it is held.
#include "rogue/interfaces/memory/TransactionLock.h"

#include "access.h"

namespace rmb = rogue_memory_bridge;

namespace rogue {
namespace interfaces {
namespace memory {

TransactionLockPtr TransactionLock::create(TransactionPtr transaction) {
    return std::make_shared<TransactionLock>(std::move(transaction));
}

TransactionLock::TransactionLock(TransactionPtr transaction)
    : transaction_(std::move(transaction)), held_(nullptr) {
    if (!transaction_) throw GeneralError("TransactionLock", "There is no transaction to lock");
    lock();
}

TransactionLock::~TransactionLock() { unlock(); }

void TransactionLock::lock() {
    if (held_ != nullptr) return;
    rmb::Transaction& transaction = rmb::Access::handle(*transaction_);
    held_ = rmb::checked("TransactionLock::lock", [&] {
                return rmb::transaction_lock(transaction);
            }).into_raw();
}

void TransactionLock::unlock() {
    if (held_ == nullptr) return;
    // First, so that whoever is woken by it finds it released.
    rmb::DataLock* const held = held_;
    held_ = nullptr;
    static_cast<void>(rust::Box<rmb::DataLock>::from_raw(held));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
