// The right to touch a transaction's bytes. While it is held, there is a DataLock of the Rust side.
#include "rogue/interfaces/memory/TransactionLock.h"

#include "access.h"
#include "uncancelled.h"

#include <condition_variable>
#include <mutex>

namespace rmb = rogue_memory_bridge;

namespace rogue {
namespace interfaces {
namespace memory {
namespace {

/// Marks that are never the address of a lock. `taking`: a thread is taking the lock for the
/// object. `awaited`: the same, and other threads wait for it.
rmb::DataLock* const taking = reinterpret_cast<rmb::DataLock*>(1);
rmb::DataLock* const awaited = reinterpret_cast<rmb::DataLock*>(2);

/// Where threads wait until another has taken the lock for the object. They seldom do, so all
/// objects share one.
struct Waiting {
    std::mutex mutex;
    std::condition_variable over;
};

Waiting& waiting() {
    static Waiting* const all = new Waiting;
    return *all;
}

bool isMark(const rmb::DataLock* held) { return held == taking || held == awaited; }

/// Locks `transaction`.
rmb::DataLock* take(Transaction& transaction) {
    return rmb::checked("TransactionLock",
                        [&] { return rmb::transaction_lock(rmb::Access::handle(transaction)); })
        .into_raw();
}

/// Replaces the mark in `held` by `lock`, or null, and wakes the threads that wait for that.
void taken(std::atomic<rmb::DataLock*>& held, rmb::DataLock* lock) {
    if (held.exchange(lock) != awaited) return;
    std::lock_guard<std::mutex> guard(waiting().mutex);
    waiting().over.notify_all();
}

/// Waits until no thread is taking the lock.
void awaitOther(std::atomic<rmb::DataLock*>& held) {
    const rmb::Uncancelled uncancelled;
    std::unique_lock<std::mutex> guard(waiting().mutex);
    waiting().over.wait(guard, [&] {
        // Under the mutex, so that the thread that finds `awaited` notifies only once this one
        // waits.
        rmb::DataLock* expected = taking;
        held.compare_exchange_strong(expected, awaited);
        return !isMark(held.load());
    });
}

} // namespace

TransactionLockPtr TransactionLock::create(TransactionPtr transaction) {
    return std::make_shared<TransactionLock>(std::move(transaction));
}

TransactionLock::TransactionLock(TransactionPtr transaction)
    : transaction_(std::move(transaction)), held_(nullptr) {
    if (!transaction_) throw GeneralError("TransactionLock", "There is no transaction to lock");
    // No other thread has this object yet.
    held_.store(take(*transaction_), std::memory_order_relaxed);
}

TransactionLock::~TransactionLock() { unlock(); }

void TransactionLock::lock() {
    for (rmb::DataLock* before = nullptr; !held_.compare_exchange_strong(before, taking);
         before = nullptr) {
        if (!isMark(before)) return;
        awaitOther(held_);
    }
    try {
        taken(held_, take(*transaction_));
    } catch (...) {
        taken(held_, nullptr);
        throw;
    }
}

void TransactionLock::unlock() {
    // Of several threads one gets it. `held_` is cleared first: a thread that the release wakes
    // finds the object unlocked.
    rmb::DataLock* held = held_.load();
    do {
        if (held == nullptr || isMark(held)) return;
    } while (!held_.compare_exchange_weak(held, nullptr));
    // Dropping the lock publishes what was completed under it.
    const rmb::Owned<rmb::DataLock> released(rust::Box<rmb::DataLock>::from_raw(held));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
