// rogue/interfaces/memory/Hub.h
#include "rogue/interfaces/memory/Hub.h"

#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <stdexcept>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

/// Notes the parts it gets, and completes each in the way it is told.
class Recorder : public rim::Slave {
  public:
    explicit Recorder(uint32_t max) : Slave(4, max) {}

    uint64_t doAddress() override { return 0x10000; }

    void doTransaction(rim::TransactionPtr tran) override {
        parts.emplace_back(tran->address(), tran->size());
        kept.push_back(tran);
        if (take) {
            take(tran);
        } else {
            complete(tran);
        }
    }

    static void complete(const rim::TransactionPtr& tran) {
        rim::TransactionLockPtr lock = tran->lock();
        for (uint8_t* byte = tran->begin(); byte != tran->end(); ++byte) {
            *byte =
                static_cast<uint8_t>(tran->address() + static_cast<uint64_t>(byte - tran->begin()));
        }
        tran->done();
    }

    std::function<void(rim::TransactionPtr)> take;
    std::vector<std::pair<uint64_t, uint32_t>> parts;
    std::vector<rim::TransactionPtr> kept;
};

struct Bus {
    explicit Bus(uint32_t max) : recorder(std::make_shared<Recorder>(max)) {
        *(*master >> hub) >> recorder;
    }
    std::string read(uint64_t address, uint32_t size) {
        bytes.assign(size, 0);
        master->clearError();
        master->waitTransaction(master->reqTransaction(address, size, bytes.data(), rim::Read));
        return master->getError();
    }
    rim::MasterPtr master = rim::Master::create();
    rim::HubPtr hub = rim::Hub::create(0x1000, 0, 0);
    std::shared_ptr<Recorder> recorder;
    std::vector<uint8_t> bytes;
};

void properties() {
    Bus bus(16);
    bus.recorder->setName("Board");
    CHECK_EQUAL(bus.hub->getOffset(), 0x1000u);
    CHECK_EQUAL(bus.hub->getAddress(), 0x11000u);
    CHECK_EQUAL(bus.master->reqAddress(), 0x11000u);
    CHECK_EQUAL(bus.master->reqSlaveName(), "Board");
    CHECK_EQUAL(bus.master->reqSlaveId(), bus.recorder->id());
    CHECK_EQUAL(bus.master->reqMinAccess(), 4u);
    CHECK_EQUAL(bus.master->reqMaxAccess(), 0xFFFFFFFFu);

    // The root of an address space of its own.
    const rim::HubPtr root = rim::Hub::create(0x2000, 8, 32);
    *(*bus.master >> root) >> bus.recorder;
    CHECK_EQUAL(root->getAddress(), 0x12000u);
    CHECK_EQUAL(bus.master->reqAddress(), 0u);
    CHECK_EQUAL(bus.master->reqSlaveId(), root->id());
    CHECK_EQUAL(bus.master->reqSlaveName(), root->name());
    CHECK_EQUAL(bus.master->reqMinAccess(), 8u);
    CHECK_EQUAL(bus.master->reqMaxAccess(), 32u);
    root->stop();
}

void chain() {
    Bus bus(64);
    const rim::HubPtr outer = rim::Hub::create(0x20000, 0, 0);
    *(*(*bus.master >> outer) >> bus.hub) >> bus.recorder;
    CHECK_EQUAL(bus.master->reqAddress(), 0x31000u);
    CHECK_EQUAL(bus.read(8, 4), "");
    CHECK_EQUAL(bus.recorder->parts.size(), 1u);
    CHECK_EQUAL(bus.recorder->parts[0].first, 0x21008u);
}

void split() {
    Bus bus(16);
    // 4 parts, the last one shorter; all completed at once.
    CHECK_EQUAL(bus.read(0x20, 56), "");
    const std::vector<std::pair<uint64_t, uint32_t>> expected = {
        {0x1020, 16}, {0x1030, 16}, {0x1040, 16}, {0x1050, 8}};
    CHECK(bus.recorder->parts == expected);
    for (size_t i = 0; i < bus.bytes.size(); ++i)
        CHECK_EQUAL(int(bus.bytes[i]), int(0x20 + i));

    // Just as large as allowed: not split.
    bus.recorder->parts.clear();
    CHECK_EQUAL(bus.read(0, 16), "");
    CHECK_EQUAL(bus.recorder->parts.size(), 1u);

    // Completed later, in another order, by another thread.
    bus.recorder->kept.clear();
    std::thread later;
    bus.recorder->take = [&](rim::TransactionPtr) {
        if (bus.recorder->kept.size() < 4) return;
        later = std::thread([&] {
            for (const size_t i : {2, 0, 3, 1})
                Recorder::complete(bus.recorder->kept[i]);
        });
    };
    CHECK_EQUAL(bus.read(0x20, 56), "");
    later.join();
    for (size_t i = 0; i < bus.bytes.size(); ++i)
        CHECK_EQUAL(int(bus.bytes[i]), int(0x20 + i));
}

void failures() {
    Bus bus(16);
    // An early part's failure is the parent's.
    bus.recorder->take = [&](rim::TransactionPtr tran) {
        if (tran->address() == 0x1000) {
            tran->errorStr("first part");
        } else {
            Recorder::complete(tran);
        }
    };
    CHECK(check::contains(bus.read(0, 48), "first part"));
    CHECK_EQUAL(bus.recorder->parts.size(), 3u);

    // So is a slave's exception, in any part, and when nothing is split.
    bus.recorder->take = [&](rim::TransactionPtr tran) {
        if (tran->address() == 0x1010) throw std::runtime_error("thrown in the middle");
        Recorder::complete(tran);
    };
    CHECK(check::contains(bus.read(0, 48), "thrown in the middle"));
    CHECK_EQUAL(bus.read(0x10, 4), "thrown in the middle");

    // Too many parts are refused before the first is made.
    Bus narrow(1);
    CHECK(check::contains(narrow.read(0, 2000000), "2000000 parts"));
    CHECK_EQUAL(narrow.recorder->parts.size(), 0u);
}

void expired() {
    /// Gives away what it is to split.
    struct Open : rim::Hub {
        Open() : Hub(0, 0, 0) {}
        void doTransaction(rim::TransactionPtr tran) override {
            whole = tran;
            Hub::doTransaction(tran);
        }
        rim::TransactionPtr whole;
    };
    // Behind one hub, and behind two, of which the inner one gets parts to split.
    for (const bool two : {false, true}) {
        const rim::MasterPtr master = rim::Master::create();
        const auto hub = std::make_shared<Open>();
        const auto recorder = std::make_shared<Recorder>(4);
        if (two) {
            *(*(*master >> hub) >> rim::Hub::create(0, 4, 12)) >> recorder;
        } else {
            *(*master >> hub) >> recorder;
        }
        recorder->take = [&](rim::TransactionPtr tran) {
            // Its master stops waiting while the slave has the second part.
            if (tran->address() == 4) hub->whole->errorStr("too late");
            tran->done();
        };
        std::vector<uint8_t> bytes(24);
        master->waitTransaction(master->reqTransaction(0, 24, bytes.data(), rim::Write));
        CHECK(check::contains(master->getError(), "too late"));
        const std::vector<std::pair<uint64_t, uint32_t>> expected = {{0, 4}, {4, 4}};
        CHECK(recorder->parts == expected);
    }
}

void last_address() {
    const uint64_t last = UINT64_MAX;
    Bus bus(8);
    // Refused by the master, by the end of what was moved, and by the offset itself.
    CHECK(check::contains(bus.read(last - 7, 16), "beyond the last address"));
    CHECK(check::contains(bus.read(last - 0x1007, 16), "beyond the last address"));
    CHECK(check::contains(bus.read(last - 0x10, 16), "beyond the last address"));
    CHECK_EQUAL(bus.recorder->parts.size(), 0u);
    // The last 16 bytes there are.
    CHECK_EQUAL(bus.read(last - 0x100f, 16), "");
    const std::vector<std::pair<uint64_t, uint32_t>> expected = {{last - 15, 8}, {last - 7, 8}};
    CHECK(bus.recorder->parts == expected);
}

void subclass() {
    /// A hub that pages: it decides the address itself.
    struct Paged : rim::Hub {
        Paged() : Hub(0, 4, 8) {}
        void doTransaction(rim::TransactionPtr tran) override {
            ++calls;
            Hub::doTransaction(tran);
        }
        uint64_t doAddress() override { return 5; }
        void stop() override { ++stops; }
        int calls = 0;
        int stops = 0;
    };
    const rim::MasterPtr master = rim::Master::create();
    const auto hub = std::make_shared<Paged>();
    *(*master >> hub) >> rim::Emulate::create(4, 8);
    uint32_t out = 0xCAFE;
    uint32_t in = 0;
    master->waitTransaction(master->reqTransaction(4, 4, &out, rim::Write));
    master->waitTransaction(master->reqTransaction(4, 4, &in, rim::Read));
    CHECK_EQUAL(master->getError(), "");
    CHECK_EQUAL(in, 0xCAFEu);
    CHECK_EQUAL(hub->calls, 2);
    CHECK_EQUAL(master->reqAddress(), 5u);
    static_cast<rim::Master&>(*hub).stop();
    static_cast<rim::Slave&>(*hub).stop();
    CHECK_EQUAL(hub->stops, 2);
}

} // namespace

int main() {
    check::begin();
    properties();
    chain();
    split();
    failures();
    expired();
    last_address();
    subclass();
    return check::finish();
}
