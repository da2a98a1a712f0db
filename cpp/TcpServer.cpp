// The server end of the bridge: sockets and protocol in Rust, and here the thread that pulls
// transactions from it and calls the slave, so that no Rust frame lies beneath the user's code.
#include "rogue/interfaces/memory/TcpServer.h"

#include "access.h"
#include "dispatch.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <exception>

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

namespace rim = rogue::interfaces::memory;

/// What the server object and its thread share. The thread never touches the object itself, whose
/// last reference may go while a slave is being called.
struct ServerState {
    ServerState(const std::string& address, uint16_t port, std::shared_ptr<MasterState> shared)
        : handle(checked("memory::TcpServer", [&] { return server_bind(bytes(address), port); })),
          master(std::move(shared)),
          log("memory.TcpServer." + address + "." + std::to_string(port), true) {}

    void run();
    void serve();
    void stop();

    /// Whether the calling thread is the server's.
    bool here() const { return current == this; }

    static thread_local const ServerState* current;

    rust::Box<TcpServer> handle;
    std::shared_ptr<MasterState> master;
    rogue::Logging log;

    std::mutex mutex;
    std::condition_variable changed;
    std::thread thread;
    bool finished = false;
    /// What the slave is busy with; 0 is nothing.
    uint32_t busyId = 0;
};

thread_local const ServerState* ServerState::current = nullptr;

/// The thread's life, from beginning to end, including an end forced by pthread_exit.
void ServerState::run() {
    struct Life {
        explicit Life(ServerState& state) : state_(state) {
            current = &state_;
            pthread_setname_np(pthread_self(), "TcpServer");
            state_.log.logThreadId();
        }
        ~Life() {
            // If the slave has ended the thread, the clients are not left without an answer.
            server_stop(*state_.handle);
            current = nullptr;
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

void ServerState::serve() {
    for (;;) {
        try {
            const rim::TransactionPtr transaction = Access::wrap(server_next(*handle, *master->handle));
            const rim::SlavePtr slave = master->getSlave();
            {
                std::lock_guard<std::mutex> lock(mutex);
                busyId = transaction->id();
            }
            admitAndDispatch(*slave, transaction);
            transaction_taken(Access::handle(*transaction));
            std::lock_guard<std::mutex> lock(mutex);
            busyId = 0;
        } catch (const rust::Error&) {
            return; // stopped
        } catch (const std::exception& error) {
            // Memory has run out. The transaction has failed, its handle being gone.
            log.error("Transaction lost: %s", error.what());
        }
    }
}

void ServerState::stop() {
    server_stop(*handle);
    // The slave stops the server: the thread ends when the slave returns.
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
    // The slave has dropped the last reference: a thread cannot wait for itself.
    if (server_->here() && server_->thread.joinable()) server_->thread.detach();
}

void TcpServer::start() {}

void TcpServer::stop() { server_->stop(); }

void TcpServer::close() { stop(); }

} // namespace memory
} // namespace interfaces
} // namespace rogue
