// rogue/interfaces/memory/TransactionLock.h
#include "rogue/interfaces/memory/TransactionLock.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Slave.h"

#include "check.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

class Keep : public rim::Slave {
  public:
    Keep() : Slave(4, 64) {}
    void doTransaction(rim::TransactionPtr tran) override { last = tran; }
    rim::TransactionPtr last;
};

/// One object, locked and unlocked by many threads at a time: the lock is taken once and given back
/// once, whoever does it.
void oneObjectHasManyThreads(const rim::TransactionPtr& tran) {
    const rim::TransactionLockPtr one = rim::TransactionLock::create(tran);
    std::atomic<bool> over(false);
    std::atomic<int> others(0);
    std::vector<std::thread> threads;
    for (int n = 0; n < 6; ++n) {
        threads.emplace_back([&, n] {
            for (int i = 0; i < 3000; ++i) {
                if (n % 3 != 0) one->lock();
                // Two of them unlock alone: of those that find it held, one gives it back.
                one->unlock();
            }
        });
    }
    // Another object has its turn between: it is locked by one of the two at a time.
    std::thread other([&] {
        while (!over) {
            const rim::TransactionLockPtr mine = tran->lock();
            ++others;
        }
    });
    for (std::thread& thread : threads)
        thread.join();
    over = true;
    other.join();
    CHECK(others > 0);
    // Nobody has it now: not this object, nor one that is lost.
    one->lock();
    std::atomic<bool> held(false);
    std::thread waits([&] {
        const rim::TransactionLockPtr mine = tran->lock();
        held = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(!held);
    one->unlock();
    waits.join();
    CHECK(held);
}

/// While one thread waits for the lock, another that locks the same object waits for that, and one
/// that unlocks it finds it not held.
void twoThreadsTakeIt(const rim::TransactionPtr& tran) {
    const rim::TransactionLockPtr elsewhere = tran->lock();
    std::atomic<int> back(0);
    elsewhere->unlock();
    const rim::TransactionLockPtr one = tran->lock();
    one->unlock();
    elsewhere->lock();
    std::vector<std::thread> threads;
    for (int n = 0; n < 2; ++n) {
        threads.emplace_back([&] {
            one->lock();
            ++back;
        });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    one->unlock();
    CHECK_EQUAL(back.load(), 0);
    elsewhere->unlock();
    for (std::thread& thread : threads)
        thread.join();
    CHECK_EQUAL(back.load(), 2);
    one->unlock();
    tran->lock();
}

} // namespace

int main() {
    check::begin();
    const rim::MasterPtr master = rim::Master::create();
    const auto slave = std::make_shared<Keep>();
    *master >> slave;
    uint32_t word = 0;
    const uint32_t id = master->reqTransaction(0, 4, &word, rim::Read);
    const rim::TransactionPtr tran = slave->last;

    oneObjectHasManyThreads(tran);
    twoThreadsTakeIt(tran);

    // One holder at a time; lock() and unlock() may be repeated.
    rim::TransactionLockPtr lock = rim::TransactionLock::create(tran);
    lock->lock();
    std::atomic<bool> held(false);
    std::thread other([&] {
        rim::TransactionLock mine(tran);
        held = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(!held);
    lock->unlock();
    lock->unlock();
    other.join();
    CHECK(held);
    lock->lock();

    // Completed under the lock: the wait returns when the lock is released, not before.
    std::atomic<bool> waited(false);
    std::thread waiter([&] {
        master->waitTransaction(id);
        waited = true;
    });
    tran->done();
    CHECK(tran->expired());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(!waited);
    *tran->begin() = 17;
    lock.reset();
    waiter.join();
    CHECK_EQUAL(word, 17u);
    CHECK_EQUAL(master->getError(), "");

    // A transaction that is over can be locked; there is nothing to touch.
    const rim::TransactionLockPtr after = tran->lock();
    CHECK(tran->expired());
    CHECK(check::thrown<rogue::GeneralError>([&] { tran->begin(); }) != "(nothing thrown)");

    CHECK(check::thrown<rogue::GeneralError>([] { rim::TransactionLock::create(nullptr); }) !=
          "(nothing thrown)");
    return check::finish();
}
