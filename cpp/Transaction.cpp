// A transaction: a handle of the Rust side, and nothing more.
#include "rogue/interfaces/memory/Transaction.h"

#include "access.h"
#include "format.h"

#include "rogue/interfaces/memory/TransactionLock.h"

#include <stdarg.h>

namespace rmb = rogue_memory_bridge;

namespace rogue {
namespace interfaces {
namespace memory {
namespace {

std::unique_ptr<rmb::TransactionState> make(struct timeval timeout) {
    uint64_t us = 0;
    if (timeout.tv_sec >= 0 && timeout.tv_usec >= 0) {
        us = static_cast<uint64_t>(timeout.tv_sec) * 1000000 +
             static_cast<uint64_t>(timeout.tv_usec);
    }
    return std::unique_ptr<rmb::TransactionState>(new rmb::TransactionState(
        rmb::checked("Transaction", [us] { return rmb::transaction_new(us); })));
}

} // namespace

Transaction::Transaction(struct timeval timeout) : state_(make(timeout)) {}

Transaction::Transaction(std::unique_ptr<rmb::TransactionState> state) : state_(std::move(state)) {}

Transaction::~Transaction() = default;

std::shared_ptr<TransactionLock> Transaction::lock() {
    return TransactionLock::create(shared_from_this());
}

bool Transaction::expired() { return rmb::transaction_expired(*state_->handle); }

uint32_t Transaction::id() { return rmb::transaction_id(*state_->handle); }

uint64_t Transaction::address() { return rmb::transaction_address(*state_->handle); }

uint32_t Transaction::size() { return rmb::transaction_size(*state_->handle); }

uint32_t Transaction::type() { return rmb::transaction_kind(*state_->handle); }

TransactionPtr Transaction::createSubTransaction() {
    return rmb::Access::wrap(rmb::checked("Transaction::createSubTransaction", [this] {
        return rmb::transaction_piece(*state_->handle, 0, 0, address());
    }));
}

void Transaction::doneSubTransactions() { rmb::transaction_seal(*state_->handle); }

void Transaction::refreshTimer(TransactionPtr reference) {
    if (reference) {
        rmb::transaction_refresh_after(*state_->handle, *reference->state_->handle);
    } else {
        rmb::transaction_refresh(*state_->handle);
    }
}

void Transaction::done() { rmb::transaction_done(*state_->handle); }

void Transaction::errorStr(std::string error) {
    rmb::transaction_fail(*state_->handle, rmb::bytes(error));
}

void Transaction::error(const char* fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const std::string text = rmb::format(fmt, args);
    va_end(args);
    rmb::transaction_fail(*state_->handle, rmb::bytes(text));
}

Transaction::iterator Transaction::begin() {
    uint8_t* start = rmb::transaction_start(*state_->handle);
    if (start == nullptr) {
        throw GeneralError("Transaction::begin", "The transaction has no data, or has it no more");
    }
    return start;
}

Transaction::iterator Transaction::end() {
    uint8_t* start = rmb::transaction_start(*state_->handle);
    if (start == nullptr) {
        throw GeneralError("Transaction::end", "The transaction has no data, or has it no more");
    }
    return start + size();
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
