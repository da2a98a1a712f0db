// The right to touch a transaction's bytes: a DataLock of the Rust side while it is held.
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

/// Never the address of a lock: one thread takes it for the object, and then also whether others
/// wait for that.
rmb::DataLock* const taking = reinterpret_cast<rmb::DataLock*>(1);
rmb::DataLock* const awaited = reinterpret_cast<rmb::DataLock*>(2);

/// Threads that wait until another has taken the lock for the object. Seldom any: one for all
/// objects.
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

/// What `held` is while it is being taken becomes `lock`, or null.
void taken(std::atomic<rmb::DataLock*>& held, rmb::DataLock* lock) {
    if (held.exchange(lock) != awaited) return;
    std::lock_guard<std::mutex> guard(waiting().mutex);
    waiting().over.notify_all();
}

/// Waits until nobody takes it.
void awaitOther(std::atomic<rmb::DataLock*>& held) {
    const rmb::Uncancelled uncancelled;
    std::unique_lock<std::mutex> guard(waiting().mutex);
    waiting().over.wait(guard, [&] {
        // Under the mutex, so that whoever sees `awaited` cannot tell before this waits.
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
    // Nobody else has this object yet.
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
    // Of several threads one has it then. First, so that whoever is woken by it finds it released.
    rmb::DataLock* held = held_.load();
    do {
        if (held == nullptr || isMark(held)) return;
    } while (!held_.compare_exchange_weak(held, nullptr));
    // What was completed under the lock is answered now.
    const rmb::Owned<rmb::DataLock> released(rust::Box<rmb::DataLock>::from_raw(held));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
