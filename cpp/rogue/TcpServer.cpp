// Rogue's rogue::interfaces::memory::TcpServer, in the place of the one in Rogue's own tree: the
// class as Rogue's header declares it, on librim. Goes into a Rogue that is built
// (ReplaceRogueBridge.cmake) or beside one (CMakeLists.txt here); not a part of the bridge's own
// libraries.
//
// The server's state hangs from zmqCtx_, one of the pointers that Rogue's class has: so the layout
// stays, and programs that were compiled with a stock Rogue work with this.
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
    // Looking a name up may take its time.
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

// It listens from its construction on.
void TcpServer::start() {}

// Rogue's class has it for its tests, which inject failures of ZeroMQ here. There is none here.
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
