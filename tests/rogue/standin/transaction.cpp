// The stand-in's transaction: completion, time, pieces, lock.
#include "rogue/interfaces/memory/Transaction.h"

#include "rogue/GeneralError.h"
#include "rogue/GilRelease.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include <atomic>
#include <chrono>

namespace rogue {
namespace interfaces {
namespace memory {

namespace {

std::atomic<uint32_t> lastId(0);

timeval now() {
    timeval time;
    gettimeofday(&time, nullptr);
    return time;
}

} // namespace

Transaction::Transaction(struct timeval timeout)
    : timeout_(timeout),
      endTime_{0, 0},
      startTime_(now()),
      pyValid_(false),
      iter_(nullptr),
      address_(0),
      size_(0),
      type_(0),
      id_(++lastId),
      done_(false),
      doneCreatingSubTransactions_(false),
      isSubTransaction_(false) {}

Transaction::~Transaction() {}

TransactionLockPtr Transaction::lock() {
    return std::make_shared<TransactionLock>(shared_from_this());
}

bool Transaction::expired() {
    if (isSubTransaction_ && parentTransaction_.expired()) return true;
    return done_ || iter_ == nullptr;
}

uint32_t Transaction::id() { return id_; }
uint64_t Transaction::address() { return address_; }
uint32_t Transaction::size() { return size_; }
uint32_t Transaction::type() { return type_; }

uint8_t* Transaction::begin() {
    if (iter_ == nullptr) throw GeneralError("Transaction", "The bytes are gone");
    return iter_;
}

TransactionPtr Transaction::createSubTransaction() {
    const TransactionPtr sub = std::make_shared<Transaction>(timeout_);
    sub->isSubTransaction_ = true;
    sub->parentTransaction_ = shared_from_this();
    subTranMap_[sub->id_] = sub;
    return sub;
}

void Transaction::doneSubTransactions() { doneCreatingSubTransactions_ = true; }

TransactionPtr Transaction::piece(uint32_t offset, uint32_t size) {
    const TransactionPtr sub = createSubTransaction();
    sub->iter_ = iter_ + offset;
    sub->address_ = address_ + offset;
    sub->size_ = size;
    sub->type_ = type_;
    return sub;
}

void Transaction::refreshTimer(TransactionPtr reference) {
    std::lock_guard<std::mutex> lock(lock_);
    if (reference && timercmp(&startTime_, &reference->startTime_, <)) return;
    const timeval current = now();
    timeradd(&current, &timeout_, &endTime_);
}

void Transaction::done() {
    error_.clear();
    done_ = true;
    cond_.notify_all();
    const TransactionPtr parent = parentTransaction_.lock();
    if (!parent) return;
    parent->subTranMap_.erase(id_);
    if (parent->doneCreatingSubTransactions_ && parent->subTranMap_.empty()) parent->done();
}

void Transaction::errorStr(std::string error) {
    error_ += error;
    done_ = true;
    cond_.notify_all();
    const TransactionPtr parent = parentTransaction_.lock();
    if (!parent) return;
    parent->subTranMap_.erase(id_);
    if (parent->doneCreatingSubTransactions_ && parent->subTranMap_.empty()) {
        parent->errorStr("A piece failed: " + error);
    }
}

std::string Transaction::wait() {
    std::unique_lock<std::mutex> lock(lock_);
    while (!done_) {
        const timeval current = now();
        const bool hasEnd = endTime_.tv_sec != 0 && endTime_.tv_usec != 0;
        if (hasEnd && timercmp(&current, &endTime_, >)) {
            done_ = true;
            error_ = "Timeout of the stand-in's own";
        } else {
            cond_.wait_for(lock, std::chrono::milliseconds(1));
        }
    }
    iter_ = nullptr;
    return error_;
}

TransactionLock::TransactionLock(TransactionPtr transaction)
    : tran_(std::move(transaction)), locked_(false) {
    while (const TransactionPtr parent = tran_->parentTransaction_.lock())
        tran_ = parent;
    lock();
}

TransactionLock::~TransactionLock() { unlock(); }

void TransactionLock::lock() {
    if (locked_) return;
    GilRelease noGil;
    tran_->lock_.lock();
    locked_ = true;
}

void TransactionLock::unlock() {
    if (!locked_) return;
    tran_->lock_.unlock();
    locked_ = false;
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
