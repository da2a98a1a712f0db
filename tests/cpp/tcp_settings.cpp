// The limits and times of TcpServer and TcpClient: their defaults, and what they do when they are
// set at work.
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"

#include "bridge.h"
#include "check.h"

#include <chrono>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

void moment() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

void completeAll(bridge::Keeping& keeping) {
    for (const rim::TransactionPtr& transaction : keeping.take())
        transaction->done();
}

void defaultsAndSetting() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    // Twice: 0 is the default again.
    for (int round = 0; round < 2; ++round) {
        CHECK_EQUAL(server->getMaxTransaction(), 16777216u);
        CHECK_EQUAL(server->getMaxOutstanding(), 32u);
        CHECK_EQUAL(server->getMaxConnections(), 4096u);
        CHECK_EQUAL(server->getMaxQueued(), 33554432u);
        CHECK_EQUAL(server->getMaxQueuedTotal(), 268435456u);
        CHECK_EQUAL(server->getMaxClientsPerAddress(), 0u);
        CHECK(!server->getDropAfterClose());
        CHECK(!client->getCloseOnTimeout());
        CHECK_EQUAL(server->getHandshakeTimeout(), 30000000u);
        CHECK_EQUAL(server->getKeepAlive(), 10000000u);
        CHECK_EQUAL(client->getMaxOutstanding(), 65536u);
        CHECK_EQUAL(client->getMaxQueued(), 1048576u);
        CHECK_EQUAL(client->getConnectTimeout(), 5000000u);
        CHECK_EQUAL(client->getKeepAlive(), 10000000u);

        server->setMaxTransaction(1);
        server->setMaxOutstanding(2);
        server->setMaxConnections(3);
        server->setMaxQueued(4);
        server->setMaxQueuedTotal(5);
        server->setMaxClientsPerAddress(12);
        server->setDropAfterClose(true);
        client->setCloseOnTimeout(true);
        server->setHandshakeTimeout(6);
        server->setKeepAlive(7);
        client->setMaxOutstanding(8);
        client->setMaxQueued(9);
        client->setConnectTimeout(10);
        client->setKeepAlive(11);
        CHECK_EQUAL(server->getMaxTransaction(), 1u);
        CHECK_EQUAL(server->getMaxOutstanding(), 2u);
        CHECK_EQUAL(server->getMaxConnections(), 3u);
        CHECK_EQUAL(server->getMaxQueued(), 4u);
        CHECK_EQUAL(server->getMaxQueuedTotal(), 5u);
        CHECK_EQUAL(server->getMaxClientsPerAddress(), 12u);
        CHECK(server->getDropAfterClose());
        CHECK(client->getCloseOnTimeout());
        CHECK_EQUAL(server->getHandshakeTimeout(), 6u);
        CHECK_EQUAL(server->getKeepAlive(), 7u);
        CHECK_EQUAL(client->getMaxOutstanding(), 8u);
        CHECK_EQUAL(client->getMaxQueued(), 9u);
        CHECK_EQUAL(client->getConnectTimeout(), 10u);
        CHECK_EQUAL(client->getKeepAlive(), 11u);

        server->setMaxTransaction(0);
        server->setMaxOutstanding(0);
        server->setMaxConnections(0);
        server->setMaxQueued(0);
        server->setMaxQueuedTotal(0);
        server->setMaxClientsPerAddress(0);
        server->setDropAfterClose(false);
        client->setCloseOnTimeout(false);
        server->setHandshakeTimeout(0);
        server->setKeepAlive(0);
        client->setMaxOutstanding(0);
        client->setMaxQueued(0);
        client->setConnectTimeout(0);
        client->setKeepAlive(0);
    }
    server->setMaxOutstanding(UINT64_MAX);
    server->setKeepAlive(UINT64_MAX);
    CHECK_EQUAL(server->getKeepAlive(), UINT64_MAX);
}

/// Each setter leaves alone what others set at the same time.
void settersAtTheSameTime() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    std::vector<std::thread> threads;
    std::atomic<int> wrong(0);
    threads.emplace_back([&] {
        for (uint64_t n = 1; n <= 3000; ++n) {
            server->setMaxOutstanding(n);
            wrong += server->getMaxOutstanding() != n;
        }
    });
    threads.emplace_back([&] {
        for (uint64_t n = 1; n <= 3000; ++n) {
            server->setKeepAlive(n);
            wrong += server->getKeepAlive() != n;
        }
    });
    for (std::thread& thread : threads)
        thread.join();
    CHECK_EQUAL(wrong.load(), 0);
}

void moreAtATime() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    const auto keeping = std::make_shared<bridge::Keeping>();
    *server >> keeping;
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(30000000);
    *master >> client;
    server->setTimeout(30000000);
    server->setMaxOutstanding(1);
    uint32_t words[8];
    for (uint32_t& word : words)
        master->reqTransaction(0, 4, &word, rim::Read);
    keeping->await(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK_EQUAL(keeping->count(), 1u);
    CHECK_EQUAL(server->stats().traffic.mostOutstanding, 1u);
    server->setMaxOutstanding(8);
    keeping->await(8);
    CHECK_EQUAL(server->stats().traffic.mostOutstanding, 8u);
    completeAll(*keeping);
    master->waitTransaction(0);
    CHECK_EQUAL(master->getError(), "");
}

/// The time that a server's slave has is the master's, whatever else is set.
void aServersTimeoutIsTheMasters() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    const auto keeping = std::make_shared<bridge::Keeping>();
    *server >> keeping;
    server->setTimeout(50000);
    server->setKeepAlive(20000000);
    server->setMaxOutstanding(4);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(30000000);
    *master >> client;
    uint32_t word = 0;
    master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read));
    CHECK(check::contains(master->getError(), "Timeout"));
    CHECK_EQUAL(server->stats().traffic.timedOut, 1u);
}

void sizesAndConnections() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    *server >> rim::Emulate::create(4, 4096);
    server->setMaxTransaction(64);
    server->setMaxConnections(2);
    server->setMaxClientsPerAddress(2);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    CHECK(client->waitLink(rim::TcpLinkState::Connected, 30.0));
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(30000000);
    *master >> client;
    uint8_t data[128] = {};
    master->waitTransaction(master->reqTransaction(0, 128, data, rim::Write));
    CHECK(check::contains(master->getError(), "64"));
    master->clearError();
    master->waitTransaction(master->reqTransaction(0, 64, data, rim::Write));
    CHECK_EQUAL(master->getError(), "");

    const rim::TcpClientPtr second = rim::TcpClient::create("127.0.0.1", port);
    while (server->stats().droppedOverLimit < 2)
        moment();
    CHECK(!second->waitLink(rim::TcpLinkState::Connected, 0.01));
    server->setMaxConnections(4);
    CHECK(second->waitLink(rim::TcpLinkState::Connected, 30.0));
}

/// Who is held back by the client's limit gives up after its timeout, and says why.
void aClientsLimit() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    const auto keeping = std::make_shared<bridge::Keeping>();
    *server >> keeping;
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    client->setMaxOutstanding(1);
    const rim::MasterPtr first = rim::Master::create();
    const rim::MasterPtr second = rim::Master::create();
    first->setTimeout(30000000);
    second->setTimeout(50000);
    *first >> client;
    *second >> client;
    uint32_t words[2] = {};
    first->reqTransaction(0, 4, &words[0], rim::Read);
    keeping->await(1);
    second->waitTransaction(second->reqTransaction(0, 4, &words[1], rim::Read));
    CHECK(check::contains(second->getError(), "outstanding"));
    CHECK_EQUAL(keeping->count(), 1u);
    completeAll(*keeping);
    first->waitTransaction(0);
    CHECK_EQUAL(first->getError(), "");
}

} // namespace

int main() {
    check::begin();
    defaultsAndSetting();
    settersAtTheSameTime();
    moreAtATime();
    aServersTimeoutIsTheMasters();
    sizesAndConnections();
    aClientsLimit();
    return check::finish();
}
