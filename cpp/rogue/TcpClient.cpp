// Rogue's class rogue::interfaces::memory::TcpClient, on librim. It replaces the one in Rogue's own
// tree, in the same way as TcpServer.cpp does.
#include "rogue/Directives.h"

#include "rogue/interfaces/memory/TcpClient.h"

#include "client.h"

#include "rogue/GeneralError.h"
#include "rogue/GilRelease.h"

#include <memory>
#include <string>

#ifndef NO_PYTHON
#include <boost/python.hpp>
#endif

namespace rmb = rogue_memory_bridge;

namespace {

rmb::Client& state(void* pointer) { return *static_cast<rmb::Client*>(pointer); }

} // namespace

namespace rogue {
namespace interfaces {
namespace memory {

TcpClientPtr TcpClient::create(std::string addr, uint16_t port, bool waitReady) {
    return std::make_shared<TcpClient>(addr, port, waitReady);
}

TcpClient::TcpClient(std::string addr, uint16_t port, bool waitReady) : Slave(4, 0xFFFFFFFF) {
    rogue::GilRelease noGil;
    probeSeq_ = 0;
    probeId_ = 0;
    probeDone_ = false;
    waitReadyOnStart_ = waitReady;
    zmqCtx_ = new rmb::Client(addr, port, waitReady);
    threadEn_ = true;
}

TcpClient::~TcpClient() {
    rogue::GilRelease noGil;
    threadEn_ = false;
    delete &state(zmqCtx_);
}

void TcpClient::close() { stop(); }

void TcpClient::stop() {
    rogue::GilRelease noGil;
    threadEn_ = false;
    state(zmqCtx_).stop();
}

bool TcpClient::waitReady(double timeout, double period) {
    rogue::GilRelease noGil;
    return state(zmqCtx_).waitReady(timeout, period);
}

void TcpClient::start() {
    // Rogue's timeout and period.
    if (state(zmqCtx_).waitsReady() && !waitReady(10.0, 0.1)) {
        throw rogue::GeneralError("memory::TcpClient::start", "The server at " +
                                                                  state(zmqCtx_).place() +
                                                                  " has not answered within 10 s");
    }
}

void TcpClient::doTransaction(TransactionPtr tran) {
    rogue::GilRelease noGil;
    state(zmqCtx_).doTransaction(tran);
}

void TcpClient::setup_python() {
#ifndef NO_PYTHON
    namespace bp = boost::python;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    bp::class_<TcpClient, TcpClientPtr, bp::bases<Slave>, boost::noncopyable> type(
        "TcpClient", bp::init<std::string, uint16_t, bp::optional<bool>>());
    type.def("close", &TcpClient::close);
#pragma GCC diagnostic pop
    type.def("waitReady", &TcpClient::waitReady);
    type.def("_start", &TcpClient::start);
    type.def("_stop", &TcpClient::stop);
    bp::implicitly_convertible<TcpClientPtr, SlavePtr>();
#endif
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
