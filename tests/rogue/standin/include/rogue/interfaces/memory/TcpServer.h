// Stand-in for Rogue's header of this name, with the members that the layout of Rogue's class
// needs.
#ifndef STANDIN_ROGUE_MEMORY_TCP_SERVER_H
#define STANDIN_ROGUE_MEMORY_TCP_SERVER_H
#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Master.h"

#include <atomic>
#include <thread>

namespace rogue {
namespace interfaces {
namespace memory {

class TcpServer : public rogue::interfaces::memory::Master {
    std::string reqAddr_;
    std::string respAddr_;
    void* zmqCtx_ = nullptr;
    void* zmqReq_ = nullptr;
    void* zmqResp_ = nullptr;
    void runThread();
    std::shared_ptr<rogue::Logging> bridgeLog_;

  protected:
    std::unique_ptr<std::thread> thread_;
    std::atomic<bool> threadEn_{false};
    virtual int sendResponseMsg_(void* msg, int flags);
#ifdef STANDIN_MORE_VIRTUALS
    virtual void another();
#endif

  public:
    static std::shared_ptr<TcpServer> create(std::string addr, uint16_t port);
    static void setup_python();
    TcpServer(std::string addr, uint16_t port);
    ~TcpServer();
    [[deprecated("Use stop() instead")]] void close();
    void stop();
    void start();
};

typedef std::shared_ptr<rogue::interfaces::memory::TcpServer> TcpServerPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
