// Every form in which users connect the memory bus: `>>` and `<<`, with pointers of every kind,
// chained, from within a class, by setSlave and by the macro. That the same pointer comes back is
// shown by master.cpp.
#include "rogue/Helpers.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "check.h"

#include <type_traits>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

class Memory : public rim::Emulate {
  public:
    Memory() : Emulate(4, 64) {}

    /// `*this` on the slave's side.
    template <typename Pointer>
    void serve(Pointer& master) {
        *this << master;
    }
};

class Special final : public Memory {};

class Control : public rim::Master {
  public:
    /// `*this` on the master's side.
    void attach(const std::shared_ptr<Memory>& memory) { *this >> memory; }
};

/// Both ends of a bus, and no hub.
class Node : public rim::Master, public rim::Slave {
  public:
    Node() : Slave(4, 64) {}
    void stop() override {}
    void doTransaction(rim::TransactionPtr tran) override { intTransaction(tran); }
};

std::string write(rim::Master& master) {
    uint32_t word = 1;
    master.clearError();
    master.waitTransaction(master.reqTransaction(0, 4, &word, rim::Write));
    return master.getError();
}

std::shared_ptr<Special> made() { return std::make_shared<Special>(); }

const std::shared_ptr<const std::shared_ptr<Memory>> nested =
    std::make_shared<const std::shared_ptr<Memory>>(std::make_shared<Memory>());

void kindsOfSlaves() {
    const std::shared_ptr<Control> control = std::make_shared<Control>();
    rim::MasterPtr master = control;

    std::shared_ptr<Special> special = made();
    const std::shared_ptr<Special> constant = special;
    const std::shared_ptr<Memory>& reference =
        constant; // of another type: a temporary that lives on
    rim::EmulatePtr emulate = special;
    rim::SlavePtr slave = special;
    const std::weak_ptr<Memory> weak = special;
    const std::vector<std::shared_ptr<Special>> several(2, special);

    const auto connected = [&] {
        const bool same = master->getSlave() == slave;
        master->setSlave(nullptr);
        return same;
    };
    *master >> special;
    CHECK(connected());
    *master >> constant;
    CHECK(connected());
    *master >> reference;
    CHECK(connected());
    *master >> emulate;
    CHECK(connected());
    *control >> slave;
    CHECK(connected());
    *control >> weak.lock();
    CHECK(connected());
    *control >> several[1];
    CHECK(connected());
    *control >> slave->shared_from_this();
    CHECK(connected());
    *master >> rim::SlavePtr(special);
    CHECK(connected());
    *master >> std::static_pointer_cast<rim::Slave>(special);
    CHECK(connected());
    std::shared_ptr<Special> moved = special;
    *master >> std::move(moved);
    CHECK(connected());
    master->operator>>(special);
    CHECK(connected());
    for (const auto& each : several)
        *master >> each;
    CHECK(connected());
    master->setSlave(special);
    CHECK(connected());
    rogueBusConnect(master, special);
    CHECK(connected());
    control->attach(special);
    CHECK(connected());

    *master >> *nested;
    CHECK(master->getSlave() == *nested);
    // Nobody else has them, so the master keeps them.
    *master >> made();
    CHECK_EQUAL(write(*master), "");
    *master >> std::make_shared<Special>();
    CHECK_EQUAL(write(*master), "");
    *master >> rim::Emulate::create(4, 8);
    CHECK_EQUAL(master->reqMaxAccess(), 8u);
    *master >> std::shared_ptr<rim::Slave>(new Memory());
    CHECK_EQUAL(write(*master), "");
}

void kindsOfMasters() {
    const std::shared_ptr<Memory> memory = std::make_shared<Memory>();
    const rim::SlavePtr base = memory;
    std::shared_ptr<Control> control = std::make_shared<Control>();
    const std::shared_ptr<Control> constant = control;
    rim::MasterPtr master = control;
    const rim::MasterPtr constantMaster = control;

    const auto connected = [&] {
        const bool same = control->getSlave() == base;
        control->setSlave(nullptr);
        return same;
    };
    *memory << control;
    CHECK(connected());
    *memory << constant;
    CHECK(connected());
    *base << master;
    CHECK(connected());
    *base << constantMaster;
    CHECK(connected());
    *base << std::shared_ptr<Control>(control);
    CHECK(connected());
    *memory << rim::MasterPtr(control);
    CHECK(connected());
    memory->serve(control);
    CHECK(connected());
    memory->serve(constantMaster);
    CHECK(connected());
    CHECK((*memory << rim::Master::create())->getSlave() == base);
    CHECK((*memory << std::make_shared<Control>())->getSlave() == base);
}

/// What comes back is of the type that went in, so that a chain goes on with it.
void chains() {
    const rim::MasterPtr master = rim::Master::create();
    const std::shared_ptr<Memory> memory = std::make_shared<Memory>();
    rim::HubPtr a = rim::Hub::create(0x100, 0, 0);
    const rim::HubPtr b = rim::Hub::create(0x20, 0, 0);

    using Lvalue = decltype(*master >> a);
    using Constant = decltype(*master >> b);
    using Rvalue = decltype(*master >> rim::Hub::create(0, 0, 0));
    static_assert(std::is_same<Lvalue, rim::HubPtr&>::value, "an lvalue comes back as one");
    static_assert(std::is_same<Constant, const rim::HubPtr&>::value,
                  "a constant comes back as one");
    static_assert(std::is_same<Rvalue, rim::HubPtr>::value, "a temporary comes back by value");

    *(*(*master >> a) >> b) >> memory;
    CHECK_EQUAL(master->reqAddress(), 0x120u);
    CHECK_EQUAL(write(*master), "");
    *(*(*master >> rim::Hub::create(1 << 16, 0, 0)) >> rim::Hub::create(2, 0, 0)) >> memory;
    CHECK_EQUAL(master->reqAddress(), 0x10002u);
    *(*(*(*master >> a) >> b) >> rim::Hub::create(4, 0, 0)) >> rim::Emulate::create(4, 32);
    CHECK_EQUAL(master->reqAddress(), 0x124u);
    // The parentheses around each step may also be those of a pointer's arrow.
    ((*master >> b)->operator>>(a))->setSlave(memory);
    CHECK_EQUAL(master->reqAddress(), 0x120u);

    // From the other end
    *(*(*memory << b) << a) << master;
    CHECK_EQUAL(master->reqAddress(), 0x120u);
    CHECK_EQUAL(b->getAddress(), 0x20u);
    *(*memory << rim::Hub::create(0x40, 0, 0)) << master;
    CHECK_EQUAL(master->reqAddress(), 0x40u);

    // A class that is both
    const std::shared_ptr<Node> node = std::make_shared<Node>();
    *(*master >> node) >> memory;
    CHECK(master->getSlave() == node && node->getSlave() == memory);
    CHECK_EQUAL(write(*master), "");
    *(*memory << node) << master;
    CHECK_EQUAL(write(*master), "");
    const rim::SlavePtr back = *(*master >> node) >> memory;
    CHECK(back == memory);

    // Several masters of one slave
    const rim::MasterPtr second = rim::Master::create();
    *second >> (*master >> memory);
    CHECK(second->getSlave() == memory && master->getSlave() == memory);
}

void ofTheBridge() {
    const std::shared_ptr<Memory> memory = std::make_shared<Memory>();
    uint16_t port = 0;
    const rim::TcpServerPtr server = check::onFreePorts([&](uint16_t at) {
        port = at;
        return rim::TcpServer::create("127.0.0.1", at);
    });
    *(*server >> rim::Hub::create(0x1000, 0, 0)) >> memory;
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *(*master >> rim::Hub::create(0x10, 0, 0)) >> client;
    CHECK_EQUAL(write(*master), "");
    CHECK((*client << master) == master && master->getSlave() == client);
    *memory << server;
    CHECK(server->getSlave() == memory);
    CHECK_EQUAL(write(*master), "");
}

} // namespace

int main() {
    check::begin();
    kindsOfSlaves();
    kindsOfMasters();
    chains();
    ofTheBridge();
    return check::finish();
}
