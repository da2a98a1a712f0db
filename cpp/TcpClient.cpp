// The client end of the bridge, which is the Rust side's.
#include "rogue/interfaces/memory/TcpClient.h"

#include "access.h"

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

struct ClientState {
    rust::Box<TcpClient> handle;
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
    // Rogue's figures.
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

void TcpClient::doTransaction(TransactionPtr transaction) {
    rmb::client_do_transaction(*client_->handle, rmb::Access::handle(*transaction));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
