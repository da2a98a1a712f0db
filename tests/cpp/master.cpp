// rogue/interfaces/memory/Master.h
#include "rogue/interfaces/memory/Master.h"

#include "rogue/GeneralError.h"
#include "rogue/Helpers.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

/// A slave of 256 bytes that can be told to misbehave.
class Memory : public rim::Slave {
  public:
    Memory() : Slave(4, 64), bytes_(256, 0) {}

    void doTransaction(rim::TransactionPtr tran) override {
        ++calls;
        if (misbehave) misbehave();
        if (silent) {
            addTransaction(tran);
            return;
        }
        rim::TransactionLockPtr lock = tran->lock();
        if (tran->address() + tran->size() > bytes_.size()) {
            tran->error("Address 0x%x is beyond %s", static_cast<unsigned>(tran->address()),
                        "100%");
            return;
        }
        const auto place = bytes_.begin() + static_cast<long>(tran->address());
        if (tran->type() == rim::Write || tran->type() == rim::Post) {
            std::copy(tran->begin(), tran->end(), place);
        } else {
            std::copy(place, place + tran->size(), tran->begin());
        }
        tran->done();
    }

    uint64_t doAddress() override { return 0x4000; }

    std::function<void()> misbehave;
    bool silent = false;
    int calls = 0;

  private:
    std::vector<uint8_t> bytes_;
};

using MemoryPtr = std::shared_ptr<Memory>;

class Counting : public rim::Master {
  public:
    void stop() override { ++stops; }
    /// Passes on what another master made.
    uint32_t forward(rim::TransactionPtr tran) { return intTransaction(tran); }
    int stops = 0;
};

std::string outcome(rim::Master& master, uint32_t id) {
    master.clearError();
    master.waitTransaction(id);
    return master.getError();
}

void unconnected() {
    const rim::MasterPtr master = rim::Master::create();
    uint32_t word = 0;
    CHECK(master->getSlave() != nullptr);
    CHECK_EQUAL(master->reqMinAccess(), 4u);
    CHECK_EQUAL(master->reqMaxAccess(), 0u);
    CHECK_EQUAL(master->reqAddress(), 0u);
    CHECK_EQUAL(outcome(*master, master->reqTransaction(0, 4, &word, rim::Read)),
                "Unsupported transaction using unconnected memory bus");
    // A null pointer disconnects.
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    master->setSlave(nullptr);
    CHECK(check::contains(outcome(*master, master->reqTransaction(0, 4, &word, rim::Read)),
                          "unconnected"));
    CHECK_EQUAL(memory.use_count(), 1);
}

void access() {
    const rim::MasterPtr master = rim::Master::create();
    const MemoryPtr memory = std::make_shared<Memory>();
    memory->setName("Memory");
    rogueBusConnect(master, memory);
    CHECK(master->getSlave() == memory);
    CHECK_EQUAL(master->reqSlaveId(), memory->id());
    CHECK_EQUAL(master->reqSlaveName(), "Memory");
    CHECK_EQUAL(master->reqMinAccess(), 4u);
    CHECK_EQUAL(master->reqMaxAccess(), 64u);
    CHECK_EQUAL(master->reqAddress(), 0x4000u);

    uint32_t out = 0x12345678;
    uint32_t in = 0;
    CHECK_EQUAL(outcome(*master, master->reqTransaction(8, 4, &out, rim::Write)), "");
    CHECK_EQUAL(outcome(*master, master->reqTransaction(8, 4, &in, rim::Read)), "");
    CHECK_EQUAL(in, out);
    in = 0;
    CHECK_EQUAL(outcome(*master, master->reqTransaction(8, 4, &in, rim::Verify)), "");
    CHECK_EQUAL(in, out);
    out = 7;
    CHECK_EQUAL(outcome(*master, master->reqTransaction(8, 4, &out, rim::Post)), "");

    // The last failure stays until it is cleared, whatever succeeds after it.
    master->waitTransaction(master->reqTransaction(0x1000, 4, &in, rim::Read));
    master->waitTransaction(master->reqTransaction(8, 4, &in, rim::Read));
    CHECK_EQUAL(in, 7u);
    CHECK_EQUAL(master->getError(), "Address 0x1000 is beyond 100%");
    master->clearError();
    CHECK_EQUAL(master->getError(), "");

    // Wait for all; an id that is not outstanding is none to wait for.
    uint32_t words[20];
    for (uint32_t i = 0; i < 20; ++i) {
        words[i] = i;
        CHECK(master->reqTransaction(4 * i, 4, &words[i], rim::Write) != 0);
    }
    CHECK_EQUAL(outcome(*master, 0), "");
    CHECK_EQUAL(outcome(*master, 0xFFFFFFF0), "");
    CHECK_EQUAL(outcome(*master, master->reqTransaction(76, 4, &in, rim::Read)), "");
    CHECK_EQUAL(in, 19u);
}

void badArguments() {
    const rim::MasterPtr master = rim::Master::create();
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    uint32_t word = 0;
    const std::string none = outcome(*master, master->reqTransaction(0, 0, &word, rim::Read));
    CHECK(check::contains(none, "0 bytes"));
    const std::string null = outcome(*master, master->reqTransaction(0, 4, nullptr, rim::Read));
    CHECK(check::contains(null, "NULL") && check::contains(null, "4 bytes"));
    CHECK_EQUAL(memory->calls, 0);
}

void exceptions() {
    const rim::MasterPtr master = rim::Master::create();
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    uint32_t word = 0;
    const auto read = [&] {
        return outcome(*master, master->reqTransaction(0, 4, &word, rim::Read));
    };

    memory->misbehave = [] { throw std::runtime_error("100%s of it failed"); };
    CHECK_EQUAL(read(), "100%s of it failed");
    memory->misbehave = [] { throw rogue::GeneralError("Memory", "is gone"); };
    CHECK_EQUAL(read(), "Memory: General Error: is gone");
    memory->misbehave = [] { throw std::runtime_error(""); };
    CHECK(!read().empty());
    memory->misbehave = [] { throw 5; };
    CHECK(check::contains(read(), "not a std::exception"));
    memory->misbehave = nullptr;
    CHECK_EQUAL(read(), "");

    // A thread that is ended inside the slave ends, and its transaction fails.
    memory->misbehave = [] { pthread_exit(nullptr); };
    bool returned = false;
    std::thread thread([&] {
        master->reqTransaction(0, 4, &word, rim::Read);
        returned = true;
    });
    thread.join();
    CHECK(!returned);
    CHECK(check::contains(outcome(*master, 0), "ended the thread"));
}

void timeout() {
    const rim::MasterPtr master = rim::Master::create();
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    memory->silent = true;
    uint32_t word = 5;
    master->setTimeout(20000);
    master->setTimeout(0); // leaves it
    const uint32_t id = master->reqTransaction(0, 4, &word, rim::Read);
    CHECK_EQUAL(outcome(*master, id), "Timeout waiting for register transaction " +
                                          std::to_string(id) + " message response.");
    // An answer that comes too late touches nothing.
    const rim::TransactionPtr late = memory->getTransaction(id);
    CHECK(late != nullptr);
    if (late) {
        CHECK(late->expired());
        CHECK(check::thrown<rogue::GeneralError>([&] { late->begin(); }) != "(nothing thrown)");
        late->done();
    }
    CHECK_EQUAL(word, 5u);

    // The longest timeout is one.
    master->setTimeout(UINT64_MAX);
    const uint32_t forever = master->reqTransaction(0, 4, &word, rim::Read);
    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        memory->getTransaction(forever)->done();
    });
    CHECK_EQUAL(outcome(*master, forever), "");
    later.join();
}

void severalWaiters() {
    const rim::MasterPtr master = rim::Master::create();
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    memory->silent = true;
    uint32_t word = 0;
    const uint32_t id = master->reqTransaction(0, 4, &word, rim::Read);
    std::atomic<int> returned(0);
    std::vector<std::thread> waiters;
    for (int i = 0; i < 4; ++i) {
        waiters.emplace_back([&] {
            master->waitTransaction(id);
            ++returned;
        });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK_EQUAL(returned.load(), 0);
    memory->getTransaction(id)->errorStr("no");
    for (std::thread& waiter : waiters)
        waiter.join();
    CHECK_EQUAL(master->getError(), "no");
}

void subclass() {
    const auto master = std::make_shared<Counting>();
    const MemoryPtr memory = std::make_shared<Memory>();
    *master >> memory;
    rim::Master& base = *master;
    base.stop();
    CHECK_EQUAL(master->stops, 1);

    /// A hub-like slave that sends what it gets on through a master of its own.
    struct Relay : rim::Slave {
        explicit Relay(std::shared_ptr<Counting> to) : Slave(4, 64), to_(to) {}
        void doTransaction(rim::TransactionPtr tran) override { id = to_->forward(tran); }
        std::shared_ptr<Counting> to_;
        uint32_t id = 0;
    };
    const auto relay = std::make_shared<Relay>(master);
    const rim::MasterPtr front = rim::Master::create();
    *front >> relay;
    uint32_t word = 99;
    const uint32_t id = front->reqTransaction(0, 4, &word, rim::Write);
    CHECK_EQUAL(relay->id, id);
    CHECK_EQUAL(outcome(*front, id), "");
    CHECK_EQUAL(outcome(*master, id), "");
    CHECK_EQUAL(memory->calls, 1);
    CHECK(check::thrown<rogue::GeneralError>([&] { master->forward(nullptr); }) !=
          "(nothing thrown)");
}

/// Every form of pointer connects, and comes back as itself.
void operators() {
    const rim::MasterPtr master = rim::Master::create();
    MemoryPtr memory = std::make_shared<Memory>();
    const MemoryPtr constant = memory;
    rim::SlavePtr base = memory;

    MemoryPtr& same = *master >> memory;
    CHECK(&same == &memory && master->getSlave() == memory);
    const MemoryPtr& sameConstant = *master >> constant;
    CHECK(&sameConstant == &constant);
    rim::SlavePtr& sameBase = *master >> base;
    CHECK(&sameBase == &base);
    const MemoryPtr made = *master >> std::make_shared<Memory>();
    CHECK(master->getSlave() == made);
    const MemoryPtr moved = *master >> std::move(memory);
    CHECK(moved == constant && master->getSlave() == constant);

    rim::HubPtr hub = rim::Hub::create(0x100, 0, 0);
    *(*master >> hub) >> constant;
    CHECK_EQUAL(master->reqAddress(), 0x4100u);
    *(*master >> rim::Hub::create(0x200, 0, 0)) >> constant;
    CHECK_EQUAL(master->reqAddress(), 0x4200u);

    // The other way round.
    rim::MasterPtr lvalue = rim::Master::create();
    rim::MasterPtr& sameMaster = *constant << lvalue;
    CHECK(&sameMaster == &lvalue && lvalue->getSlave() == constant);
    const auto counting = *constant << std::make_shared<Counting>();
    CHECK(counting->getSlave() == constant);
    CHECK_EQUAL(counting->stops, 0);
    *hub << (*constant << rim::Hub::create(1, 0, 0));
}

void bits() {
    uint8_t source[4] = {0xA5, 0x3C, 0xFF, 0x00};
    uint8_t target[4] = {0, 0, 0, 0};
    rim::Master::copyBits(target, 4, source, 0, 16);
    CHECK(target[0] == 0x50 && target[1] == 0xCA && target[2] == 0x03 && target[3] == 0);
    rim::Master::setBits(target, 31, 1);
    CHECK_EQUAL(int(target[3]), 0x80);
    CHECK(rim::Master::anyBits(target, 30, 2));
    CHECK(!rim::Master::anyBits(target, 20, 11));
    CHECK(!rim::Master::anyBits(target, 0, 0));
    CHECK(!rim::Master::anyBits(nullptr, 0, 0));
    // Within one array, onto itself.
    rim::Master::copyBits(source, 8, source, 0, 16);
    CHECK(source[0] == 0xA5 && source[1] == 0xA5 && source[2] == 0x3C && source[3] == 0);
    CHECK(check::thrown<rogue::GeneralError>([] { rim::Master::setBits(nullptr, 0, 1); }) !=
          "(nothing thrown)");
}

} // namespace

int main() {
    check::begin();
    unconnected();
    access();
    badArguments();
    exceptions();
    timeout();
    severalWaiters();
    subclass();
    operators();
    bits();
    return check::finish();
}
