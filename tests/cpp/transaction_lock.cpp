// rogue/interfaces/memory/TransactionLock.h
#include "rogue/interfaces/memory/TransactionLock.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Slave.h"

#include "check.h"

#include <atomic>

namespace rim = rogue::interfaces::memory;

namespace {

class Keep : public rim::Slave {
  public:
    Keep() : Slave(4, 64) {}
    void doTransaction(rim::TransactionPtr tran) override { last = tran; }
    rim::TransactionPtr last;
};

} // namespace

int main() {
    check::begin();
    const rim::MasterPtr master = rim::Master::create();
    const auto slave = std::make_shared<Keep>();
    *master >> slave;
    uint32_t word = 0;
    const uint32_t id = master->reqTransaction(0, 4, &word, rim::Read);
    const rim::TransactionPtr tran = slave->last;

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
