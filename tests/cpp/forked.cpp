// The classes in a process that is forked off while many threads are at work on them: what was made
// before is refused at once, by the error of a transaction or by an exception, and goes without
// waiting for anything; what is made there works. The parent notices nothing.
#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

const char* const refused = "was made before the process was forked";

struct Served {
    rim::TcpServerPtr server;
    uint16_t port;
};

Served serve(const rim::SlavePtr& slave, uint16_t port = 0) {
    const auto at = [&](uint16_t here) {
        const rim::TcpServerPtr server = rim::TcpServer::create("127.0.0.1", here);
        server->setTimeout(40000000);
        *server >> slave;
        return Served{server, here};
    };
    return port != 0 ? at(port) : check::onFreePorts(at);
}

rim::MasterPtr masterOf(const rim::SlavePtr& slave) {
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(40000000);
    *master >> slave;
    return master;
}

/// Writes and reads; the error.
std::string exchange(const rim::MasterPtr& master, uint64_t address, uint32_t value) {
    uint32_t back = ~value;
    master->clearError();
    master->waitTransaction(master->reqTransaction(address, 4, &value, rim::Write));
    if (master->getError().empty()) {
        master->waitTransaction(master->reqTransaction(address, 4, &back, rim::Read));
    }
    if (!master->getError().empty()) return master->getError();
    return back == value ? "" : "another value";
}

class Keeping : public rim::Slave {
  public:
    Keeping() : Slave(4, 4096) {}
    void doTransaction(rim::TransactionPtr transaction) override {
        kept = transaction;
        came = true;
    }
    rim::TransactionPtr kept;
    std::atomic<bool> came{false};
};

struct Parent {
    Served memory, keeping;
    rim::TcpClientPtr client, waiting;
    std::shared_ptr<Keeping> slave;
    rim::MasterPtr master;
    uint32_t lent, id;
};

/// The checks of a child; its exit status.
int use(Parent& parent) {
    alarm(20);
    const rim::MasterPtr asking = masterOf(parent.client);
    CHECK(check::contains(exchange(asking, 0, 1), refused));
    CHECK(!parent.client->waitReady(20, 0.1));
    CHECK(!parent.client->waitLink(rim::TcpLinkState::Lost, 20));
    CHECK(parent.client->linkState() == rim::TcpLinkState::Stopped);
    parent.client->setMaxOutstanding(5);
    CHECK(parent.client->getMaxOutstanding() != 5);
    CHECK(check::contains(check::thrown<rogue::GeneralError>([&] { parent.client->stats(); }),
                          refused));
    for (const rim::TcpServerPtr& server : {parent.memory.server, parent.keeping.server}) {
        CHECK(
            check::contains(check::thrown<rogue::GeneralError>([&] { server->stats(); }), refused));
        CHECK(check::contains(check::thrown<rogue::GeneralError>([&] { server->peerStats(); }),
                              refused));
        server->setMaxOutstanding(5);
        CHECK(server->getMaxOutstanding() != 5);
        server->setSlave(rim::Emulate::create(4, 4096));
        server->getSlave();
        server->setTimeout(1);
    }
    // What was under way, on either side of the network.
    parent.master->clearError();
    parent.master->waitTransaction(parent.id);
    CHECK(check::contains(parent.master->getError(), refused));
    rim::TransactionPtr& kept = parent.slave->kept;
    CHECK(kept->expired());
    {
        const rim::TransactionLockPtr lock = kept->lock();
        CHECK(check::thrown<rogue::GeneralError>([&] { kept->begin(); }) != "(nothing thrown)");
        lock->unlock();
        lock->lock();
    }
    kept->done();
    kept->errorStr("no");
    kept->refreshTimer(nullptr);
    kept.reset();
    // Endpoints of its own.
    const auto own = rim::TcpClient::create("127.0.0.1", parent.memory.port);
    CHECK_EQUAL(exchange(masterOf(own), 0x1000, 5), "");
    const Served served = serve(rim::Emulate::create(4, 4096));
    const auto mine = rim::TcpClient::create("127.0.0.1", served.port);
    CHECK_EQUAL(exchange(masterOf(mine), 0, 6), "");
    // All goes, in whatever order.
    parent.client->stop();
    parent.memory.server->stop();
    parent = Parent();
    return check::finish();
}

} // namespace

int main() {
    check::begin();
    const int children = 20, asking = 3;
    Parent parent;
    parent.memory = serve(rim::Emulate::create(4, 4096));
    parent.slave = std::make_shared<Keeping>();
    parent.keeping = serve(parent.slave);
    parent.client = rim::TcpClient::create("127.0.0.1", parent.memory.port);
    parent.waiting = rim::TcpClient::create("127.0.0.1", parent.keeping.port);
    parent.master = masterOf(parent.waiting);
    parent.id = parent.master->reqTransaction(0, 4, &parent.lent, rim::Read);
    while (!parent.slave->came)
        std::this_thread::yield();

    std::atomic<bool> over(false);
    std::atomic<uint64_t> asked(0);
    std::vector<std::thread> threads;
    for (int n = 0; n < asking; ++n) {
        threads.emplace_back([&, n] {
            const rim::MasterPtr master = masterOf(parent.client);
            for (uint32_t value = 1; !over; ++value) {
                CHECK_EQUAL(exchange(master, 0x40u * static_cast<uint32_t>(n), value), "");
                ++asked;
            }
        });
    }
    threads.emplace_back([&] {
        while (!over) {
            parent.client->stats();
            parent.memory.server->peerStats();
            parent.memory.server->getSlave();
            parent.client->setMaxQueued(0);
        }
    });
    for (int n = 0; n < children; ++n) {
        const uint64_t before = asked;
        const pid_t child = fork();
        if (child == 0) exit(use(parent));
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_EQUAL(status, 0);
        while (asked < before + 10)
            std::this_thread::yield();
    }
    over = true;
    for (std::thread& thread : threads)
        thread.join();

    const rim::TcpClientStats done = parent.client->stats();
    CHECK_EQUAL(done.traffic.reads.done, asked.load());
    CHECK_EQUAL(done.traffic.writes.done, asked.load());
    CHECK_EQUAL(done.traffic.reads.failed + done.traffic.writes.failed, 0u);
    CHECK_EQUAL(done.connects, 1u);
    CHECK_EQUAL(done.losses, 0u);
    CHECK_EQUAL(parent.memory.server->stats().traffic.reads.done, asked.load() + children);
    parent.slave->kept->done();
    parent.master->waitTransaction(parent.id);
    CHECK_EQUAL(parent.master->getError(), "");
    return check::finish();
}
