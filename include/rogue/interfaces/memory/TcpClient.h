// The end of the bridge where the masters are.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_TCP_CLIENT_H
#define ROGUE_INTERFACES_MEMORY_TCP_CLIENT_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Slave.h"

#include <stdint.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>
#include <thread>

namespace rogue_memory_bridge {
struct ClientState;
}

namespace rogue {
namespace interfaces {
namespace memory {

/// A slave whose transactions are carried out by the slave of a TcpServer. It takes accesses of 4
/// to 0xFFFFFFFF bytes.
class TcpClient : public Slave {
  public:
    /// Connects to the server at `addr` (an address or host name), ports `port` and `port` + 1, and
    /// goes on trying until stopped; it does not wait for that. Throws GeneralError when the
    /// address or port cannot be one. `waitReady` makes `start` wait for the server.
    static std::shared_ptr<TcpClient> create(std::string addr, uint16_t port,
                                             bool waitReady = false);

    /// As `create`.
    TcpClient(std::string addr, uint16_t port, bool waitReady = false);

    /// Stops the client.
    ~TcpClient() override;

    /// If `waitReady` was given to the constructor: waits up to 10 s for the server to answer, and
    /// throws GeneralError when it does not. Otherwise nothing: the client runs when it has been
    /// made.
    void start();

    /// Closes the connection and fails what is outstanding; what comes later fails at once. It may
    /// be called again. A stopped client stays stopped.
    void stop() override;

    /// As `stop`.
    [[deprecated("use stop()")]] void close();

    /// Waits until the server answers, for at most `timeout` seconds, asking it anew each `period`
    /// seconds. Returns whether it has answered.
    bool waitReady(double timeout, double period);

    void doTransaction(std::shared_ptr<Transaction> transaction) override;

  private:
    std::unique_ptr<rogue_memory_bridge::ClientState> client_;
};

/// Pointer to a client.
typedef std::shared_ptr<TcpClient> TcpClientPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
