// A transaction: only a handle of the Rust side.
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

rmb::TransactionState make(struct timeval timeout) {
    uint64_t us = 0;
    if (timeout.tv_sec >= 0 && timeout.tv_usec >= 0) {
        us = static_cast<uint64_t>(timeout.tv_sec) * 1000000 +
             static_cast<uint64_t>(timeout.tv_usec);
    }
    return {rmb::checked("Transaction", [us] { return rmb::transaction_new(us); })};
}

} // namespace

Transaction::Transaction(struct timeval timeout) : state_(make(timeout)) {}

Transaction::Transaction(rmb::TransactionState state) : state_(state) {}

Transaction::~Transaction() {
    static_assert(sizeof(state_.handle) == sizeof(uint8_t*), "a handle is the pointer it came as");
    rmb::transaction_free(static_cast<uint8_t*>(state_.handle));
}

std::shared_ptr<TransactionLock> Transaction::lock() {
    return TransactionLock::create(shared_from_this());
}

bool Transaction::expired() { return rmb::transaction_expired(rmb::Access::handle(state_)); }

uint32_t Transaction::id() { return rmb::transaction_id(rmb::Access::handle(state_)); }

uint64_t Transaction::address() { return rmb::transaction_address(rmb::Access::handle(state_)); }

uint32_t Transaction::size() { return rmb::transaction_size(rmb::Access::handle(state_)); }

uint32_t Transaction::type() { return rmb::transaction_kind(rmb::Access::handle(state_)); }

TransactionPtr Transaction::createSubTransaction() {
    return rmb::Access::wrap(rmb::checked("Transaction::createSubTransaction", [this] {
        return rmb::transaction_piece(rmb::Access::handle(state_), 0, 0, address());
    }));
}

void Transaction::doneSubTransactions() { rmb::transaction_seal(rmb::Access::handle(state_)); }

void Transaction::refreshTimer(TransactionPtr reference) {
    if (reference) {
        rmb::transaction_refresh_after(rmb::Access::handle(state_),
                                       rmb::Access::handle(*reference));
    } else {
        rmb::transaction_refresh(rmb::Access::handle(state_));
    }
}

void Transaction::done() { rmb::transaction_done(rmb::Access::handle(state_)); }

void Transaction::errorStr(std::string error) {
    rmb::transaction_fail(rmb::Access::handle(state_), rmb::bytes(error));
}

void Transaction::error(const char* fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const std::string text = rmb::format(fmt, args);
    va_end(args);
    rmb::transaction_fail(rmb::Access::handle(state_), rmb::bytes(text));
}

Transaction::iterator Transaction::begin() {
    uint8_t* start = rmb::transaction_start(rmb::Access::handle(state_));
    if (start == nullptr) {
        throw GeneralError("Transaction::begin", "The transaction has no data, or has expired");
    }
    return start;
}

Transaction::iterator Transaction::end() {
    uint8_t* start = rmb::transaction_start(rmb::Access::handle(state_));
    if (start == nullptr) {
        throw GeneralError("Transaction::end", "The transaction has no data, or has expired");
    }
    return start + size();
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
