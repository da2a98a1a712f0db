// rogue/interfaces/memory/TcpStats.h: what a server and a client have counted, and the states of a
// client's link.
#include "rogue/interfaces/memory/TcpStats.h"

#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "bridge.h"
#include "check.h"

#include <chrono>
#include <limits>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

void moment() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

std::string access(rim::Master& master, uint64_t address, uint32_t size, uint32_t type) {
    std::vector<uint8_t> data(size);
    master.clearError();
    master.waitTransaction(master.reqTransaction(address, size, data.data(), type));
    return master.getError();
}

void plausible(const rim::TcpLatency& latency, uint64_t count) {
    CHECK_EQUAL(latency.count, count);
    CHECK(latency.minNs <= latency.p50Ns && latency.p50Ns <= latency.p90Ns);
    CHECK(latency.p90Ns <= latency.p99Ns && latency.p99Ns <= latency.p999Ns);
    CHECK(latency.p999Ns <= latency.maxNs);
    CHECK(latency.minNs <= latency.meanNs && latency.meanNs <= latency.maxNs);
    CHECK(latency.maxNs > 0);
}

void whatWasDone() {
    uint16_t port = 0;
    const rim::TcpServerPtr server = bridge::serve(&port);
    CHECK_EQUAL(server->stats().connectionsTotal, 0u);
    CHECK(server->peerStats().empty());
    *server >> rim::Emulate::create(4, 64);
    server->setMaxTransaction(128);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(30000000);
    *master >> client;

    CHECK_EQUAL(access(*master, 0, 4, rim::Read), "");
    CHECK_EQUAL(access(*master, 0, 8, rim::Read), "");
    CHECK_EQUAL(access(*master, 0, 16, rim::Write), "");
    CHECK_EQUAL(access(*master, 0, 32, rim::Verify), "");
    CHECK_EQUAL(access(*master, 0, 64, rim::Post), "");
    CHECK_EQUAL(access(*master, 2, 4, rim::Post), ""); // fails, and nobody hears of it
    CHECK(access(*master, 2, 4, rim::Read) != "");
    CHECK(access(*master, 2, 4, rim::Write) != "");
    CHECK(access(*master, 2, 4, rim::Verify) != "");
    CHECK(access(*master, 0, 256, rim::Write) != ""); // refused

    const rim::TcpClientStats here = client->stats();
    CHECK_EQUAL(here.traffic.reads.done, 2u);
    CHECK_EQUAL(here.traffic.reads.failed, 1u);
    CHECK_EQUAL(here.traffic.writes.done, 1u);
    CHECK_EQUAL(here.traffic.writes.failed, 2u);
    CHECK_EQUAL(here.traffic.verifies.done, 1u);
    CHECK_EQUAL(here.traffic.verifies.failed, 1u);
    CHECK_EQUAL(here.traffic.posts.done, 2u);
    CHECK_EQUAL(here.traffic.posts.failed, 0u);
    CHECK_EQUAL(here.traffic.bytesRead, 44u);
    CHECK_EQUAL(here.traffic.bytesWritten, 84u);
    CHECK_EQUAL(here.traffic.timedOut, 0u);
    CHECK_EQUAL(here.traffic.outstanding, 0u);
    CHECK_EQUAL(here.traffic.mostOutstanding, 1u);
    plausible(here.traffic.latency, 8);
    CHECK_EQUAL(here.connection.reads.done, 2u);
    CHECK_EQUAL(here.connects, 1u);
    CHECK_EQUAL(here.losses, 0u);

    const rim::TcpServerStats there = server->stats();
    CHECK_EQUAL(there.traffic.reads.done, 2u);
    CHECK_EQUAL(there.traffic.reads.failed, 1u);
    CHECK_EQUAL(there.traffic.writes.done, 1u);
    CHECK_EQUAL(there.traffic.writes.failed, 1u);
    CHECK_EQUAL(there.traffic.verifies.done, 1u);
    CHECK_EQUAL(there.traffic.verifies.failed, 1u);
    CHECK_EQUAL(there.traffic.posts.done, 1u);
    CHECK_EQUAL(there.traffic.posts.failed, 1u);
    CHECK_EQUAL(there.failedPosts, 1u);
    CHECK_EQUAL(there.traffic.refused, 1u);
    CHECK_EQUAL(there.traffic.bytesRead, 44u);
    CHECK_EQUAL(there.traffic.bytesWritten, 80u);
    plausible(there.traffic.latency, 9);
    CHECK_EQUAL(there.connections, 2u);
    CHECK_EQUAL(there.connectionsTotal, 2u);
    CHECK_EQUAL(there.droppedOverLimit + there.droppedHandshake + there.droppedProtocol, 0u);
    CHECK_EQUAL(there.droppedNotReading + there.droppedNetwork, 0u);
    CHECK_EQUAL(there.bytesQueued, 0u);

    // Of each client
    const rim::TcpClientPtr second = rim::TcpClient::create("127.0.0.1", port);
    *master >> second;
    CHECK_EQUAL(access(*master, 0, 12, rim::Write), "");
    std::vector<rim::TcpPeerStats> peers = server->peerStats();
    CHECK_EQUAL(peers.size(), 2u);
    if (peers.size() == 2) {
        if (peers[0].traffic.reads.done == 0) std::swap(peers[0], peers[1]);
        for (const rim::TcpPeerStats& peer : peers) {
            CHECK_EQUAL(peer.address, "127.0.0.1");
            CHECK(peer.session);
            CHECK_EQUAL(peer.bytesQueued, 0u);
        }
        CHECK_EQUAL(peers[0].traffic.bytesWritten, 80u);
        CHECK_EQUAL(peers[0].traffic.refused, 1u);
        CHECK_EQUAL(peers[1].traffic.bytesWritten, 12u);
        CHECK_EQUAL(peers[1].traffic.latency.count, 1u);
    }
    CHECK_EQUAL(server->stats().traffic.bytesWritten, 92u);
    // What it did stays in the sum when it has gone.
    second->stop();
    while (server->peerStats().size() != 1)
        moment();
    CHECK_EQUAL(server->stats().traffic.bytesWritten, 92u);
    // And what was done is still told when all has been stopped.
    server->stop();
    CHECK_EQUAL(server->stats().traffic.bytesWritten, 92u);
    CHECK(server->peerStats().empty());
    CHECK_EQUAL(second->stats().traffic.writes.done, 1u);
}

/// Connecting, connected, lost, connected again, stopped; each waited for by another thread.
void linkStates() {
    using State = rim::TcpLinkState;
    const double forever = std::numeric_limits<double>::infinity();
    uint16_t port = 0;
    bridge::serve(&port)->stop();
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    CHECK(client->linkState() == State::Connecting);
    CHECK(client->waitLink(State::Connecting, 0));
    CHECK(!client->waitLink(State::Connected, 0.05));
    CHECK(!client->waitLink(State::Connected, -1));
    CHECK(!client->waitLink(State::Connected, std::numeric_limits<double>::quiet_NaN()));
    CHECK(!client->waitLink(static_cast<State>(257), forever));
    while (client->stats().failedAttempts == 0)
        moment();

    std::atomic<int> seen(0);
    std::thread other([&] {
        for (const State state :
             {State::Connected, State::Lost, State::Connected, State::Stopped}) {
            CHECK(client->waitLink(state, forever));
            ++seen;
        }
        CHECK(!client->waitLink(State::Connected, forever));
    });
    const auto await = [&seen](int count) {
        while (seen < count)
            moment();
    };
    rim::TcpServerPtr server = rim::TcpServer::create("127.0.0.1", port);
    await(1);
    CHECK(client->linkState() == State::Connected);
    server.reset();
    await(2);
    CHECK(client->linkState() == State::Lost);
    CHECK_EQUAL(client->stats().losses, 1u);
    server = rim::TcpServer::create("127.0.0.1", port);
    await(3);
    CHECK_EQUAL(client->stats().connects, 2u);
    client->stop();
    other.join();
    CHECK_EQUAL(seen.load(), 4);
    CHECK(client->linkState() == State::Stopped);
    CHECK_EQUAL(client->stats().losses, 1u);
}

} // namespace

int main() {
    check::begin();
    whatWasDone();
    linkStates();
    return check::finish();
}
