// The client of the bridge. The Rust side does the work.
#include "rogue/interfaces/memory/TcpClient.h"

#include "access.h"
#include "stats.h"

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

struct ClientState {
    Owned<TcpClient> handle;
    bool waitReady;
    std::string name;
};

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

TcpClientPtr TcpClient::create(std::string addr, uint16_t port, bool waitReady) {
    return std::make_shared<TcpClient>(std::move(addr), port, waitReady);
}

TcpClient::TcpClient(std::string addr, uint16_t port, bool waitReady)
    : Slave(4, 0xFFFFFFFF),
      client_(new rmb::ClientState{
          rmb::checked("memory::TcpClient",
                       [&] { return rmb::client_new(rmb::bytes(addr), port); }),
          waitReady, addr + " port " + std::to_string(port)}) {}

TcpClient::~TcpClient() { rmb::client_stop(*client_->handle); }

void TcpClient::start() {
    // Rogue's timeout and period.
    if (client_->waitReady && !waitReady(10.0, 0.1)) {
        throw GeneralError("memory::TcpClient::start",
                           "The server at " + client_->name + " has not answered within 10 s");
    }
}

void TcpClient::stop() { rmb::client_stop(*client_->handle); }

void TcpClient::close() { stop(); }

bool TcpClient::waitReady(double timeout, double period) {
    return rmb::client_wait_ready(*client_->handle, timeout, period);
}

// The two enumerations have the same values.
TcpLinkState TcpClient::linkState() const {
    return static_cast<TcpLinkState>(rmb::client_link(*client_->handle));
}

bool TcpClient::waitLink(TcpLinkState state, double timeout) {
    return rmb::client_wait_link(*client_->handle, static_cast<rmb::LinkState>(state), timeout);
}

TcpClientStats TcpClient::stats() const {
    const rmb::ClientStats from = rmb::checked(
        "memory::TcpClient::stats", [this] { return rmb::client_stats(*client_->handle); });
    TcpClientStats to;
    to.traffic = rmb::traffic(from.traffic);
    to.connection = rmb::traffic(from.connection);
    to.connects = from.connects;
    to.losses = from.losses;
    to.failedAttempts = from.failed_attempts;
    to.unacknowledgedBytes = from.unacknowledged_bytes;
    to.unacknowledgedPosts = from.unacknowledged_posts;
    return to;
}

void TcpClient::setMaxOutstanding(uint64_t count) {
    rmb::client_set(*client_->handle, rmb::ClientOption::MaxOutstanding, count);
}

uint64_t TcpClient::getMaxOutstanding() const {
    return rmb::client_get(*client_->handle, rmb::ClientOption::MaxOutstanding);
}

void TcpClient::setMaxQueued(uint64_t bytes) {
    rmb::client_set(*client_->handle, rmb::ClientOption::MaxQueued, bytes);
}

uint64_t TcpClient::getMaxQueued() const {
    return rmb::client_get(*client_->handle, rmb::ClientOption::MaxQueued);
}

void TcpClient::setConnectTimeout(uint64_t timeout) {
    rmb::client_set(*client_->handle, rmb::ClientOption::ConnectTimeout, timeout);
}

uint64_t TcpClient::getConnectTimeout() const {
    return rmb::client_get(*client_->handle, rmb::ClientOption::ConnectTimeout);
}

void TcpClient::setKeepAlive(uint64_t time) {
    rmb::client_set(*client_->handle, rmb::ClientOption::KeepAlive, time);
}

uint64_t TcpClient::getKeepAlive() const {
    return rmb::client_get(*client_->handle, rmb::ClientOption::KeepAlive);
}

void TcpClient::setCloseOnTimeout(bool close) {
    rmb::client_set(*client_->handle, rmb::ClientOption::CloseOnTimeout, close ? 1 : 0);
}

bool TcpClient::getCloseOnTimeout() const {
    return rmb::client_get(*client_->handle, rmb::ClientOption::CloseOnTimeout) != 0;
}

void TcpClient::doTransaction(TransactionPtr transaction) {
    rmb::client_do_transaction(*client_->handle, rmb::Access::handle(*transaction));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
