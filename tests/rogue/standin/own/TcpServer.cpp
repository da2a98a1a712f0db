// The stand-in's own TcpServer, as a stock Rogue has one: here it does nothing.
#include "rogue/interfaces/memory/TcpServer.h"

namespace rogue {
namespace interfaces {
namespace memory {

TcpServerPtr TcpServer::create(std::string addr, uint16_t port) {
    return std::make_shared<TcpServer>(addr, port);
}
TcpServer::TcpServer(std::string addr, uint16_t) : reqAddr_(addr) {}
TcpServer::~TcpServer() {}
void TcpServer::setup_python() {}
void TcpServer::close() {}
void TcpServer::stop() {}
void TcpServer::start() {}
int TcpServer::sendResponseMsg_(void*, int) { return 0; }
#ifdef STANDIN_MORE_VIRTUALS
void TcpServer::another() {}
#endif

} // namespace memory
} // namespace interfaces
} // namespace rogue
