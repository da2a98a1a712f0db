// rogue/interfaces/memory/Slave.h
#include "rogue/interfaces/memory/Slave.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <atomic>
#include <map>
#include <set>

namespace rim = rogue::interfaces::memory;

namespace {

/// Overrides everything that can be.
class All : public rim::Slave {
  public:
    All() : Slave(4, 8) {}
    ~All() override { ++destroyed(); }
    void stop() override { ++stops; }
    uint32_t doSlaveId() override { return 77; }
    std::string doSlaveName() override { return "All"; }
    uint32_t doMinAccess() override { return 2; }
    uint32_t doMaxAccess() override { return 16; }
    uint64_t doAddress() override { return 0xABCDEF0123456789; }
    void doTransaction(rim::TransactionPtr tran) override {
        last = tran.get();
        tran->done();
    }
    static int& destroyed() {
        static int count = 0;
        return count;
    }
    int stops = 0;
    rim::Transaction* last = nullptr;
};

/// Keeps what it gets and answers from a thread of its own, the last one first.
class Later : public rim::Slave {
  public:
    Later() : Slave(4, 64) {}
    ~Later() override { finish(); }

    void doTransaction(rim::TransactionPtr tran) override {
        given[tran->id()] = tran.get();
        addTransaction(tran);
    }

    void answer() {
        thread_ = std::thread([this] {
            for (auto it = given.rbegin(); it != given.rend(); ++it) {
                const rim::TransactionPtr tran = getTransaction(it->first);
                same = same && tran.get() == it->second;
                if (!tran) continue;
                rim::TransactionLockPtr lock = tran->lock();
                if (tran->expired()) continue;
                *tran->begin() = static_cast<uint8_t>(tran->address());
                tran->done();
            }
        });
    }

    void finish() {
        if (thread_.joinable()) thread_.join();
    }

    std::map<uint32_t, rim::Transaction*> given;
    std::atomic<bool> same{true};

  private:
    std::thread thread_;
};

void base() {
    const rim::SlavePtr slave = rim::Slave::create(4, 1024);
    const rim::SlavePtr other = rim::Slave::create(1, 2);
    CHECK_EQUAL(slave->min(), 4u);
    CHECK_EQUAL(slave->max(), 1024u);
    CHECK(slave->id() != 0 && slave->id() != other->id());
    CHECK_EQUAL(slave->name(), "Unnamed_" + std::to_string(slave->id()));
    slave->setName("Board");
    CHECK_EQUAL(slave->name(), "Board");
    CHECK_EQUAL(slave->doSlaveId(), slave->id());
    CHECK_EQUAL(slave->doSlaveName(), "Board");
    CHECK_EQUAL(slave->doMinAccess(), 4u);
    CHECK_EQUAL(slave->doMaxAccess(), 1024u);
    CHECK_EQUAL(slave->doAddress(), 0u);
    slave->stop();
    CHECK(slave->getTransaction(1) == nullptr);
    CHECK(check::thrown<rogue::GeneralError>([&] { slave->addTransaction(nullptr); }) !=
          "(nothing thrown)");

    const rim::MasterPtr master = rim::Master::create();
    uint32_t word = 0;
    *master >> slave;
    master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read));
    CHECK_EQUAL(master->getError(), "Unsupported transaction using unconnected memory bus");
}

void virtuals() {
    {
        const rim::MasterPtr master = rim::Master::create();
        const auto all = std::make_shared<All>();
        *all << master;
        CHECK_EQUAL(master->reqSlaveId(), 77u);
        CHECK_EQUAL(master->reqSlaveName(), "All");
        CHECK_EQUAL(master->reqMinAccess(), 2u);
        CHECK_EQUAL(master->reqMaxAccess(), 16u);
        CHECK_EQUAL(master->reqAddress(), 0xABCDEF0123456789u);
        uint16_t half = 0;
        master->waitTransaction(master->reqTransaction(0, 2, &half, rim::Read));
        CHECK_EQUAL(master->getError(), "");
        CHECK(all->last != nullptr);
        rim::Slave& slave = *all;
        slave.stop();
        CHECK_EQUAL(all->stops, 1);
    }
    CHECK_EQUAL(All::destroyed(), 1);
}

void later() {
    const rim::MasterPtr master = rim::Master::create();
    const auto slave = std::make_shared<Later>();
    *master >> slave;
    uint32_t words[100] = {};
    for (uint32_t i = 0; i < 100; ++i) {
        master->reqTransaction(i, 4, &words[i], rim::Read);
    }
    slave->answer();
    master->waitTransaction(0);
    CHECK_EQUAL(master->getError(), "");
    for (uint32_t i = 0; i < 100; ++i)
        CHECK_EQUAL(words[i], i);
    slave->finish();
    CHECK(slave->same);
    CHECK(slave->getTransaction(slave->given.begin()->first) == nullptr);
}

/// What was kept and has expired does not pile up.
void expired() {
    struct Silent : rim::Slave {
        Silent() : Slave(4, 4) {}
        void doTransaction(rim::TransactionPtr tran) override {
            alive.insert(tran);
            addTransaction(tran);
        }
        std::set<std::weak_ptr<rim::Transaction>, std::owner_less<std::weak_ptr<rim::Transaction>>>
            alive;
    };
    const rim::MasterPtr master = rim::Master::create();
    const auto slave = std::make_shared<Silent>();
    *master >> slave;
    master->setTimeout(1);
    uint32_t word = 0;
    for (int i = 0; i < 500; ++i) {
        master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read));
    }
    int left = 0;
    for (const auto& tran : slave->alive)
        left += tran.expired() ? 0 : 1;
    CHECK(left <= 130);
}

} // namespace

int main() {
    check::begin();
    base();
    virtuals();
    later();
    expired();
    return check::finish();
}
