// Rogue's class rogue::interfaces::memory::TcpServer, as Rogue's header declares it, on librim. It
// replaces the one in Rogue's own tree: inside a Rogue that is being built
// (ReplaceRogueBridge.cmake), or beside an installed one (CMakeLists.txt here). It is not a part of
// the bridge's own libraries.
//
// The pointer zmqCtx_ of Rogue's class holds the server's state. So the layout stays the same, and
// programs that were compiled with a stock Rogue work with this class.
#include "rogue/Directives.h"

#include "rogue/interfaces/memory/TcpServer.h"

#include "interpreter.h"
#include "server.h"

#include "rogue/GilRelease.h"

#include <cerrno>
#include <memory>
#include <string>

#ifndef NO_PYTHON
#include <boost/python.hpp>
#endif

namespace rmb = rogue_memory_bridge;

namespace {

typedef std::shared_ptr<rmb::Server> ServerPtr;

ServerPtr& state(void* pointer) { return *static_cast<ServerPtr*>(pointer); }

} // namespace

namespace rogue {
namespace interfaces {
namespace memory {

TcpServerPtr TcpServer::create(std::string addr, uint16_t port) {
    return std::make_shared<TcpServer>(addr, port);
}

TcpServer::TcpServer(std::string addr, uint16_t port) {
    // Looking up a host name may take long.
    rogue::GilRelease noGil;
    std::unique_ptr<ServerPtr> holder(
        new ServerPtr(std::make_shared<rmb::Server>(*this, addr, port)));
    (*holder)->start();
    zmqCtx_ = holder.release();
    threadEn_ = true;
}

TcpServer::~TcpServer() {
    rogue::GilRelease noGil;
    threadEn_ = false;
    state(zmqCtx_)->detach();
    delete &state(zmqCtx_);
}

void TcpServer::close() { stop(); }

void TcpServer::stop() {
    rogue::GilRelease noGil;
    threadEn_ = false;
    state(zmqCtx_)->stop();
}

// The server listens from its construction on.
void TcpServer::start() {}

// Rogue's class has this for its tests, which inject failures of ZeroMQ here. There is no ZeroMQ
// here.
int TcpServer::sendResponseMsg_(void*, int) {
    errno = ENOTSUP;
    return -1;
}

void TcpServer::setup_python() {
#ifndef NO_PYTHON
    namespace bp = boost::python;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    bp::class_<TcpServer, TcpServerPtr, bp::bases<Master>, boost::noncopyable> type(
        "TcpServer", bp::init<std::string, uint16_t>());
    type.def("close", &TcpServer::close);
#pragma GCC diagnostic pop
    type.def("_start", &TcpServer::start);
    type.def("_stop", &TcpServer::stop);
    bp::implicitly_convertible<TcpServerPtr, MasterPtr>();
    rmb::stopServersAtExit();
#endif
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
