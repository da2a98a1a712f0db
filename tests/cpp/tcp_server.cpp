// rogue/interfaces/memory/TcpServer.h: what is particular to its thread and its life. That register
// accesses cross the bridge is shown by tcp_client.cpp.
#include "rogue/interfaces/memory/TcpServer.h"

#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

#include <pthread.h>

#include <chrono>
#include <future>
#include <thread>

namespace rim = rogue::interfaces::memory;

namespace {

using Clock = std::chrono::steady_clock;

/// Calls a function for each transaction.
class Slave : public rim::Slave {
  public:
    Slave(std::function<void(rim::TransactionPtr)> take) : rim::Slave(4, 64), take_(take) {}
    void doTransaction(rim::TransactionPtr tran) override { take_(tran); }

  private:
    std::function<void(rim::TransactionPtr)> take_;
};

/// A server with its client and a master on it.
struct Bridge {
    explicit Bridge(rim::SlavePtr slave = nullptr) {
        server = check::onFreePorts([this](uint16_t at) {
            port = at;
            return rim::TcpServer::create("127.0.0.1", at);
        });
        *server >> slave;
        client = rim::TcpClient::create("127.0.0.1", port);
        *master >> client;
        master->setTimeout(5000000);
    }

    std::string read(uint32_t size = 4) {
        uint8_t data[256] = {};
        master->clearError();
        master->waitTransaction(master->reqTransaction(0x40, size, data, rim::Read));
        return master->getError();
    }

    uint16_t port = 0;
    rim::TcpServerPtr server;
    rim::TcpClientPtr client;
    rim::MasterPtr master = rim::Master::create();
};

/// Whether `call` returns before a stop that hangs would be taken for one.
bool soon(const std::function<void()>& call) {
    const auto start = Clock::now();
    call();
    return Clock::now() - start < std::chrono::milliseconds(800);
}

void bindFailure() {
    Bridge bridge;
    // It is the first or the second of the pair that is found taken.
    const std::string port = std::to_string(bridge.port);
    const std::string second = std::to_string(bridge.port + 1);
    const std::string taken = check::thrown<rogue::GeneralError>(
        [&] { rim::TcpServer::create("127.0.0.1", bridge.port); });
    CHECK(check::contains(taken, port) || check::contains(taken, second));
    CHECK(check::contains(taken, "127.0.0.1"));
    CHECK(check::contains(taken, "another process"));
    const std::string address = check::thrown<rogue::GeneralError>(
        [&] { rim::TcpServer::create("no such address", bridge.port); });
    CHECK(check::contains(address, "no such address"));
    CHECK(check::contains(
        check::thrown<rogue::GeneralError>([&] { rim::TcpServer::create("127.0.0.1", 65535); }),
        "65535"));
}

void unconnected() {
    Bridge bridge;
    CHECK(check::contains(bridge.read(), "unconnected memory bus"));
    // A slave that is connected later gets what comes later.
    *bridge.server >> rim::Emulate::create(4, 64);
    CHECK_EQUAL(bridge.read(), "");
}

/// Sizes are refused before the slave sees them.
void sizes() {
    int calls = 0;
    Bridge bridge(std::make_shared<Slave>([&](rim::TransactionPtr tran) {
        ++calls;
        tran->done();
    }));
    CHECK(check::contains(bridge.read(65), "65"));
    CHECK(check::contains(bridge.read(2), "2"));
    CHECK_EQUAL(calls, 0);
    CHECK_EQUAL(bridge.read(64), "");
    CHECK_EQUAL(calls, 1);
}

/// A slave that is called on the server's thread, and answers later from its own.
void later() {
    std::vector<std::thread> threads;
    std::string name;
    std::weak_ptr<rim::Transaction> first;
    Bridge bridge(std::make_shared<Slave>([&](rim::TransactionPtr tran) {
        char buffer[32] = {};
        pthread_getname_np(pthread_self(), buffer, sizeof buffer);
        name = buffer;
        if (threads.empty()) first = tran;
        threads.emplace_back([tran] {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            rim::TransactionLockPtr lock = tran->lock();
            *tran->begin() = 0x5A;
            tran->done();
        });
    }));
    uint8_t data[8][4] = {};
    for (auto& word : data)
        bridge.master->reqTransaction(0, 4, word, rim::Read);
    bridge.master->waitTransaction(0);
    CHECK_EQUAL(bridge.master->getError(), "");
    for (auto& word : data)
        CHECK_EQUAL(int(word[0]), 0x5A);
    CHECK_EQUAL(name, "TcpServer");
    for (std::thread& thread : threads)
        thread.join();
    // Nothing keeps a transaction that is over.
    CHECK_EQUAL(bridge.read(), "");
    CHECK(first.expired());
    threads.back().join();
}

void stops() {
    Bridge bridge(rim::Emulate::create(4, 64));
    CHECK_EQUAL(bridge.read(), "");
    bridge.server->start();
    CHECK(soon([&] { bridge.server->stop(); }));
    CHECK(soon([&] { bridge.server->stop(); }));
    bridge.server->start();
    CHECK(bridge.read() != "");
    // The ports are free again.
    const auto again = rim::TcpServer::create("127.0.0.1", bridge.port);
    CHECK(soon([&] {
        std::thread a([&] { again->stop(); });
        std::thread b([&] { again->stop(); });
        a.join();
        b.join();
    }));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    again->close();
#pragma GCC diagnostic pop
    CHECK(soon([&] { bridge.server.reset(); }));
}

/// A slave that holds transactions does not hold stop(); their late answers do no harm.
void stopWithTransactionsOut() {
    std::vector<rim::TransactionPtr> held;
    std::promise<void> taken;
    Bridge bridge(std::make_shared<Slave>([&](rim::TransactionPtr tran) {
        held.push_back(tran);
        if (held.size() == 3) taken.set_value();
    }));
    uint32_t words[3] = {};
    for (uint32_t& word : words)
        bridge.master->reqTransaction(0, 4, &word, rim::Read);
    taken.get_future().wait();
    CHECK(soon([&] { bridge.server->stop(); }));
    bridge.server.reset();
    for (const rim::TransactionPtr& tran : held)
        tran->done();
    bridge.master->waitTransaction(0);
    CHECK(bridge.master->getError() != "");
}

/// A slave that does not return holds stop(), and that is logged.
void stopWithSlaveBlocked() {
    std::promise<void> entered;
    std::promise<void> release;
    Bridge bridge(std::make_shared<Slave>([&](rim::TransactionPtr tran) {
        entered.set_value();
        release.get_future().wait();
        tran->done();
    }));
    uint32_t word = 0;
    bridge.master->reqTransaction(0, 4, &word, rim::Read);
    entered.get_future().wait();
    bool stopped = true;
    const std::string log = check::written(STDOUT_FILENO, [&] {
        std::future<void> stop = std::async(std::launch::async, [&] { bridge.server->stop(); });
        stopped = stop.wait_for(std::chrono::milliseconds(500)) == std::future_status::ready;
        release.set_value();
        stop.wait();
    });
    CHECK(!stopped);
    CHECK(
        check::contains(log, "pyrogue.memory.TcpServer.127.0.0.1." + std::to_string(bridge.port)));
    CHECK(check::contains(log, "stop() waits for the slave"));
}

/// The slave stops the server, or drops the last reference to it, on the server's own thread.
void fromItsOwnThread() {
    Bridge* bridge = nullptr;
    std::promise<void> called;
    int calls = 0;
    Bridge stopping(std::make_shared<Slave>([&](rim::TransactionPtr tran) {
        tran->done();
        if (++calls == 1) bridge->server->stop();
        called.set_value();
    }));
    bridge = &stopping;
    stopping.read();
    called.get_future().wait();
    CHECK(soon([&] { stopping.server->stop(); }));

    std::promise<void> dropped;
    auto held = std::make_shared<rim::TcpServerPtr>();
    Bridge dropping(std::make_shared<Slave>([held, &dropped](rim::TransactionPtr tran) {
        tran->done();
        held->reset();
        dropped.set_value();
    }));
    // Only the slave has it now. The first read may be under way before it has been handed over.
    const std::weak_ptr<rim::TcpServer> weak = dropping.server;
    *held = std::move(dropping.server);
    dropping.read();
    dropped.get_future().wait();
    CHECK(weak.expired());
    CHECK(dropping.read() != "");
}

/// A slave that ends the thread it is called on leaves the clients with an error, not a timeout.
void threadEnded() {
    Bridge bridge(std::make_shared<Slave>([](rim::TransactionPtr) { pthread_exit(nullptr); }));
    const std::string error = bridge.read();
    CHECK(!error.empty() && !check::contains(error, "Timeout"));
    CHECK(soon([&] { bridge.server->stop(); }));
}

/// A server of the user's own, with one more override.
void subclass() {
    struct Mine : rim::TcpServer {
        Mine(uint16_t port, int& count) : TcpServer("127.0.0.1", port), stops(count) {}
        void stop() override {
            ++stops;
            TcpServer::stop();
        }
        int& stops;
    };
    int stops = 0;
    const auto mine =
        check::onFreePorts([&](uint16_t port) { return std::make_shared<Mine>(port, stops); });
    const rim::MasterPtr base = mine;
    base->stop();
    CHECK_EQUAL(stops, 1);
}

} // namespace

int main() {
    check::begin();
    bindFailure();
    unconnected();
    sizes();
    later();
    stops();
    stopWithTransactionsOut();
    stopWithSlaveBlocked();
    fromItsOwnThread();
    threadEnded();
    subclass();
    return check::finish();
}
