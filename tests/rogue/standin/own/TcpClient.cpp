// The stand-in's own TcpClient, as a stock Rogue has one: here it answers by itself.
#include "rogue/interfaces/memory/TcpClient.h"

#include "rogue/interfaces/memory/Transaction.h"
#include "rogue/interfaces/memory/TransactionLock.h"

namespace rogue {
namespace interfaces {
namespace memory {

TcpClientPtr TcpClient::create(std::string addr, uint16_t port, bool waitReady) {
    return std::make_shared<TcpClient>(addr, port, waitReady);
}
TcpClient::TcpClient(std::string addr, uint16_t, bool) : Slave(4, 0xFFFFFFFF), reqAddr_(addr) {}
TcpClient::~TcpClient() {}
void TcpClient::setup_python() {}
void TcpClient::close() {}
void TcpClient::stop() {}
void TcpClient::start() {}
bool TcpClient::waitReady(double timeout, double period) { return timeout == 20 && period == 0.5; }
void TcpClient::doTransaction(TransactionPtr tran) {
    const TransactionLockPtr lock = tran->lock();
    tran->errorStr("the stand-in's own bridge");
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
