// Stand-in for Rogue's header of this name, with the members that the layout of Rogue's class
// needs.
#ifndef STANDIN_ROGUE_MEMORY_TCP_CLIENT_H
#define STANDIN_ROGUE_MEMORY_TCP_CLIENT_H
#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Slave.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace rogue {
namespace interfaces {
namespace memory {

class TcpClient : public rogue::interfaces::memory::Slave {
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

  private:
    std::mutex bridgeMtx_;
    std::mutex probeMtx_;
    std::condition_variable probeCond_;
    uint32_t probeSeq_;
    uint32_t probeId_;
    bool probeDone_;
    std::string probeResult_;
    bool waitReadyOnStart_;

  public:
    static std::shared_ptr<TcpClient> create(std::string addr, uint16_t port,
                                             bool waitReady = false);
    static void setup_python();
    TcpClient(std::string addr, uint16_t port, bool waitReady = false);
    ~TcpClient();
    [[deprecated("Use stop() instead")]] void close();
    void stop();
    bool waitReady(double timeout, double period);
    void start();
    void doTransaction(std::shared_ptr<Transaction> tran);
};

typedef std::shared_ptr<rogue::interfaces::memory::TcpClient> TcpClientPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
