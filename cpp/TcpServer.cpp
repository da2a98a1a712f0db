// The server of the bridge. Sockets and protocol are in Rust. The thread that pulls transactions
// and calls the slave is here, so that no Rust frame lies beneath the user's code.
#include "rogue/interfaces/memory/TcpServer.h"

#include "access.h"
#include "dispatch.h"
#include "stats.h"
#include "uncancelled.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

namespace rim = rogue::interfaces::memory;

/// What the server object and its thread share. The thread never touches the object itself: the
/// last reference to it may be dropped while the slave is being called.
struct ServerState {
    ServerState(const std::string& address, uint16_t port, std::shared_ptr<MasterState> shared)
        : handle(checked("memory::TcpServer",
                         [&] { return server_bind(bytes(address), port, *shared->handle); })),
          master(std::move(shared)),
          log("memory.TcpServer." + address + "." + std::to_string(port), true) {}

    struct Busy;

    void run();
    void serve();
    void stop();

    /// Whether the calling thread is the server's.
    bool here() const { return current == this; }

    static thread_local const ServerState* current;

    /// The process that the server was made in. A process that was forked off has no server thread
    /// to wait for.
    const pid_t home = getpid();
    Owned<TcpServer> handle;
    std::shared_ptr<MasterState> master;
    rogue::Logging log;

    std::mutex mutex;
    std::condition_variable changed;
    std::thread thread;
    bool finished = false;
    /// The id of the transaction that the slave is working on; 0 is none.
    std::atomic<uint32_t> busyId{0};
};

thread_local const ServerState* ServerState::current = nullptr;

/// Runs the thread. `Life` also handles an end that is forced by pthread_exit.
void ServerState::run() {
    struct Life {
        explicit Life(ServerState& state) : state_(state) {
            current = &state_;
            pthread_setname_np(pthread_self(), "TcpServer");
            state_.log.logThreadId();
        }
        ~Life() {
            // The slave may have ended the thread. Stopping the server keeps clients from waiting
            // for an answer.
            server_stop(*state_.handle);
            current = nullptr;
            // The slave has forked, and this is the child. Nobody waits for this thread here.
            if (getpid() != state_.home) return;
            std::lock_guard<std::mutex> lock(state_.mutex);
            state_.finished = true;
            state_.changed.notify_all();
        }
        Life(const Life&) = delete;
        Life& operator=(const Life&) = delete;
        ServerState& state_;
    };
    const Life life(*this);
    serve();
}

/// Marks the server as busy while the slave's code runs, however that ends: by a return, by an
/// exception, or with the thread.
struct ServerState::Busy {
    Busy(ServerState& state, rim::Transaction& transaction)
        : state_(state), transaction_(transaction) {
        state_.busyId.store(transaction.id(), std::memory_order_relaxed);
    }
    ~Busy() {
        server_returned(*state_.handle, Access::handle(transaction_));
        state_.busyId.store(0, std::memory_order_relaxed);
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ServerState& state_;
    rim::Transaction& transaction_;
};

void ServerState::serve() {
    for (;;) {
        try {
            const rim::TransactionPtr transaction = Access::wrap(server_next(*handle));
            const rim::SlavePtr slave = master->getSlave();
            const Busy busy(*this, *transaction);
            admitAndDispatch(*slave, transaction);
        } catch (const rust::Error&) {
            return; // stopped
        } catch (const std::exception& error) {
            // Out of memory. The transaction has failed, because its handle was freed.
            log.error("Transaction lost: %s", error.what());
        }
    }
}

void ServerState::stop() {
    if (getpid() != home) return;
    const Uncancelled uncancelled;
    server_stop(*handle);
    // The slave itself stops the server: the thread ends when the slave returns.
    if (here()) return;
    std::unique_lock<std::mutex> lock(mutex);
    const auto over = [this] { return finished; };
    while (!changed.wait_for(lock, std::chrono::milliseconds(150), over)) {
        const uint32_t id = busyId;
        lock.unlock();
        log.error("stop() waits for the slave, which does not return from transaction %u", id);
        lock.lock();
        changed.wait(lock, over);
    }
    if (thread.joinable()) thread.join();
}

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

TcpServerPtr TcpServer::create(std::string addr, uint16_t port) {
    return std::make_shared<TcpServer>(std::move(addr), port);
}

TcpServer::TcpServer(std::string addr, uint16_t port)
    : server_(std::make_shared<rmb::ServerState>(addr, port, rmb::Access::state(*this))) {
    const std::shared_ptr<rmb::ServerState> state = server_;
    try {
        state->thread = std::thread([state] { state->run(); });
    } catch (const std::exception& error) {
        throw GeneralError("memory::TcpServer",
                           std::string("The server's thread cannot be started: ") + error.what());
    }
}

TcpServer::~TcpServer() {
    server_->stop();
    // The slave has dropped the last reference, so this is the server's thread, which cannot wait
    // for itself.
    if (server_->here() && server_->thread.joinable()) server_->thread.detach();
}

void TcpServer::start() {}

void TcpServer::stop() { server_->stop(); }

void TcpServer::close() { stop(); }

TcpServerStats TcpServer::stats() const {
    const rmb::ServerStats from = rmb::checked(
        "memory::TcpServer::stats", [this] { return rmb::server_stats(*server_->handle); });
    TcpServerStats to;
    to.traffic = rmb::traffic(from.traffic);
    to.failedPosts = from.failed_posts;
    to.connections = from.connections;
    to.connectionsTotal = from.connections_total;
    to.droppedOverLimit = from.dropped_over_limit;
    to.droppedHandshake = from.dropped_handshake;
    to.droppedProtocol = from.dropped_protocol;
    to.droppedNotReading = from.dropped_not_reading;
    to.droppedNetwork = from.dropped_network;
    to.bytesQueued = from.bytes_queued;
    return to;
}

std::vector<TcpPeerStats> TcpServer::peerStats() const {
    const rust::Vec<rmb::PeerStats> peers = rmb::checked("memory::TcpServer::peerStats", [this] {
        return rmb::server_peer_stats(*server_->handle);
    });
    std::vector<TcpPeerStats> all;
    for (const rmb::PeerStats& from : peers) {
        TcpPeerStats to;
        to.address = std::string(from.address);
        to.port = from.port;
        to.session = from.session;
        to.traffic = rmb::traffic(from.traffic);
        to.bytesQueued = from.bytes_queued;
        all.push_back(to);
    }
    return all;
}

void TcpServer::setMaxTransaction(uint32_t bytes) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxTransaction, bytes);
}

uint32_t TcpServer::getMaxTransaction() const {
    return static_cast<uint32_t>(
        rmb::server_get(*server_->handle, rmb::ServerOption::MaxTransaction));
}

void TcpServer::setMaxOutstanding(uint64_t count) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxOutstanding, count);
}

uint64_t TcpServer::getMaxOutstanding() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::MaxOutstanding);
}

void TcpServer::setMaxConnections(uint64_t count) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxConnections, count);
}

uint64_t TcpServer::getMaxConnections() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::MaxConnections);
}

void TcpServer::setMaxQueued(uint64_t bytes) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxQueued, bytes);
}

uint64_t TcpServer::getMaxQueued() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::MaxQueued);
}

void TcpServer::setMaxQueuedTotal(uint64_t bytes) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxQueuedTotal, bytes);
}

uint64_t TcpServer::getMaxQueuedTotal() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::MaxQueuedTotal);
}

void TcpServer::setMaxClientsPerAddress(uint64_t count) {
    rmb::server_set(*server_->handle, rmb::ServerOption::MaxClientsPerAddress, count);
}

uint64_t TcpServer::getMaxClientsPerAddress() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::MaxClientsPerAddress);
}

void TcpServer::setDropAfterClose(bool drop) {
    rmb::server_set(*server_->handle, rmb::ServerOption::DropAfterClose, drop ? 1 : 0);
}

bool TcpServer::getDropAfterClose() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::DropAfterClose) != 0;
}

void TcpServer::setHandshakeTimeout(uint64_t timeout) {
    rmb::server_set(*server_->handle, rmb::ServerOption::HandshakeTimeout, timeout);
}

uint64_t TcpServer::getHandshakeTimeout() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::HandshakeTimeout);
}

void TcpServer::setKeepAlive(uint64_t time) {
    rmb::server_set(*server_->handle, rmb::ServerOption::KeepAlive, time);
}

uint64_t TcpServer::getKeepAlive() const {
    return rmb::server_get(*server_->handle, rmb::ServerOption::KeepAlive);
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
