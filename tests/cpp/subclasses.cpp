// Users' subclasses of every class of the bus: each virtual method overridden, called by the
// library and through pointers to the bases, and calling the base's.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <atomic>

namespace rim = rogue::interfaces::memory;

namespace {

/// A `Base` that is a slave, with all that it can override counted and passed on to `Base`.
template <typename Base>
class CountedSlave : public Base {
  public:
    using Base::Base;
    // Not marked as an override, as in old code.
    virtual ~CountedSlave() { CountedSlave::stop(); }

    void stop() override {
        ++stops;
        Base::stop();
    }
    uint32_t doSlaveId() override {
        ++ids;
        return Base::doSlaveId();
    }
    std::string doSlaveName() override {
        ++names;
        return "my " + Base::doSlaveName();
    }
    uint32_t doMinAccess() override {
        ++minima;
        return Base::doMinAccess();
    }
    uint32_t doMaxAccess() override {
        ++maxima;
        return Base::doMaxAccess();
    }
    uint64_t doAddress() override {
        ++addresses;
        return Base::doAddress() + 0x10;
    }
    void doTransaction(rim::TransactionPtr tran) override {
        ++transactions;
        Base::doTransaction(tran);
    }

    std::atomic<int> stops{0}, ids{0}, names{0}, minima{0}, maxima{0}, addresses{0},
        transactions{0};
};

/// The same for a master.
template <typename Base>
class CountedMaster : public Base {
  public:
    using Base::Base;
    virtual ~CountedMaster() { CountedMaster::stop(); }
    void stop() override {
        ++stops;
        Base::stop();
    }
    std::atomic<int> stops{0};
};

/// What all of them have in common, on the way from a master.
template <typename Counted>
std::string exercise(const std::shared_ptr<Counted>& counted, uint64_t address) {
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *master >> counted;
    counted->setName("name");
    const int before = counted->transactions;

    CHECK(master->reqSlaveId() != 0);
    CHECK_EQUAL(counted->ids.load(), 1);
    CHECK(master->reqSlaveName().compare(0, 3, "my ") == 0);
    CHECK_EQUAL(counted->names.load(), 1);
    const int minima = counted->minima;
    CHECK_EQUAL(master->reqMinAccess(), 4u);
    CHECK_EQUAL(counted->minima.load(), minima + 1);
    const int maxima = counted->maxima;
    CHECK(master->reqMaxAccess() >= 64);
    CHECK_EQUAL(counted->maxima.load(), maxima + 1);
    CHECK_EQUAL(master->reqAddress(), address + 0x10);
    CHECK_EQUAL(counted->addresses.load(), 1);

    uint32_t out = 0x600DF00D;
    uint32_t in = 0;
    master->waitTransaction(master->reqTransaction(8, 4, &out, rim::Write));
    master->waitTransaction(master->reqTransaction(8, 4, &in, rim::Read));
    CHECK_EQUAL(counted->transactions.load(), before + 2);
    if (master->getError().empty()) CHECK_EQUAL(in, out);

    rim::Slave& slave = *counted;
    slave.stop();
    CHECK_EQUAL(counted->stops.load(), 1);
    return master->getError();
}

void slaves() {
    CHECK_EQUAL(exercise(std::make_shared<CountedSlave<rim::Slave>>(4, 64), 0),
                "Unsupported transaction using unconnected memory bus");
    CHECK_EQUAL(exercise(std::make_shared<CountedSlave<rim::Emulate>>(4, 64), 0), "");
    // A subclass of a subclass: the outermost is called first, and all of them.
    const auto twice = std::make_shared<CountedSlave<CountedSlave<rim::Emulate>>>(4, 64);
    CHECK_EQUAL(exercise(twice, 0x10), "");
    CHECK_EQUAL(static_cast<CountedSlave<rim::Emulate>&>(*twice).transactions.load(), 2);
}

void hubs() {
    const auto memory = std::make_shared<CountedSlave<rim::Emulate>>(4, 64);
    const auto hub = std::make_shared<CountedSlave<rim::Hub>>(0x100, 0, 0);
    *hub >> memory;
    CHECK_EQUAL(exercise(hub, 0x110), "");
    CHECK_EQUAL(memory->transactions.load(), 2);
    CHECK(memory->maxima > 0); // the hub asks before it splits
    static_cast<rim::Master&>(*hub).stop();
    CHECK_EQUAL(hub->stops.load(), 2);
    // A root answers for itself, also when its class is the user's.
    CHECK_EQUAL(exercise(std::make_shared<CountedSlave<rim::Hub>>(0x100, 4, 64), 0),
                "Unsupported transaction using unconnected memory bus");
}

void bridge() {
    const auto memory = std::make_shared<CountedSlave<rim::Emulate>>(4, 64);
    uint16_t port = 0;
    auto server = check::onFreePorts([&](uint16_t at) {
        port = at;
        return std::make_shared<CountedMaster<rim::TcpServer>>("127.0.0.1", at);
    });
    *server >> memory;
    server->start();
    const auto client = std::make_shared<CountedSlave<rim::TcpClient>>("127.0.0.1", port, true);
    client->start();
    CHECK(client->waitReady(20, 0.1));
    CHECK_EQUAL(exercise(client, 0), "");
    // The probe has not reached the slave.
    CHECK_EQUAL(memory->transactions.load(), 2);

    rim::Master& base = *server;
    base.stop();
    CHECK_EQUAL(server->stops.load(), 1);
    // Deleted as what it is, through a pointer to its base
    rim::MasterPtr last = std::move(server);
    last.reset();
    const auto again = rim::TcpServer::create("127.0.0.1", port);
    CHECK(again != nullptr);
}

/// Is on both sides of the bus by itself: shared_from_this of several bases, the constructors of
/// both, and one stop.
class Station : public CountedMaster<rim::TcpServer>, public CountedSlave<rim::Emulate> {
  public:
    explicit Station(uint16_t port)
        : CountedMaster<rim::TcpServer>("127.0.0.1", port), CountedSlave<rim::Emulate>(4, 4096) {}
    void stop() override {
        CountedMaster<rim::TcpServer>::stop();
        CountedSlave<rim::Emulate>::stop();
    }
    rim::SlavePtr self() { return shared_from_this(); }
};

class Probe : public rim::Master, public rim::TcpClient, public rogue::EnableSharedFromThis<Probe> {
  public:
    explicit Probe(uint16_t port) : TcpClient("127.0.0.1", port) {}
    std::shared_ptr<Probe> self() { return rogue::EnableSharedFromThis<Probe>::shared_from_this(); }
    void stop() override { TcpClient::stop(); }

    std::string word(uint32_t& value, uint32_t type) {
        *this >> self();
        setTimeout(20000000);
        clearError();
        waitTransaction(reqTransaction(0x40, 4, &value, type));
        const std::string error = getError();
        setSlave(nullptr); // it would hold itself
        return error;
    }
};

class Tree : public rim::Hub, public rogue::EnableSharedFromThis<Tree> {
  public:
    Tree() : Hub(0x1000, 0, 0) {}
    std::shared_ptr<Tree> self() { return rogue::EnableSharedFromThis<Tree>::shared_from_this(); }
};

void severalBases() {
    uint16_t port = 0;
    const auto station = check::onFreePorts([&](uint16_t at) {
        port = at;
        return std::make_shared<Station>(at);
    });
    CHECK(station->self() == station);
    CHECK_EQUAL(station.use_count(), 1);
    *station >> station->self();

    const auto probe = std::make_shared<Probe>(port);
    CHECK(probe->self() == probe);
    CHECK(probe->rim::Slave::shared_from_this() == probe);
    uint32_t out = 0xABCD;
    uint32_t in = 0;
    CHECK_EQUAL(probe->word(out, rim::Write), "");
    CHECK_EQUAL(probe->word(in, rim::Read), "");
    CHECK_EQUAL(in, out);
    CHECK_EQUAL(station->transactions.load(), 2);
    CHECK_EQUAL(probe.use_count(), 1);
    static_cast<rim::Master&>(*probe).stop();
    CHECK(check::contains(probe->word(in, rim::Read), "stopped"));

    static_cast<rim::Slave&>(*station).stop();
    CHECK_EQUAL(static_cast<CountedMaster<rim::TcpServer>&>(*station).stops.load(), 1);
    station->setSlave(nullptr);
    CHECK_EQUAL(station.use_count(), 1);

    const auto tree = std::make_shared<Tree>();
    CHECK(tree->self() == tree && tree->rim::Hub::shared_from_this() == tree);
    const rim::HubPtr asHub = tree->self();
    const rim::MasterPtr asMaster = tree->self();
    CHECK_EQUAL(tree.use_count(), 3);
}

void masters() {
    const auto master = std::make_shared<CountedMaster<rim::Master>>();
    static_cast<rim::Master&>(*master).stop();
    CHECK_EQUAL(master->stops.load(), 1);
}

} // namespace

int main() {
    check::begin();
    masters();
    slaves();
    hubs();
    bridge();
    severalBases();
    return check::finish();
}
