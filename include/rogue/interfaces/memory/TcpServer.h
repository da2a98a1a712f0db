// The end of the bridge where the slave is.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_TCP_SERVER_H
#define ROGUE_INTERFACES_MEMORY_TCP_SERVER_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Master.h"

#include <stdint.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace rogue_memory_bridge {
struct ServerState;
}

namespace rogue {
namespace interfaces {
namespace memory {

/// Takes transactions from any number of TcpClients and hands them to the slave that it is
/// connected to, in the order of their arrival, on a thread of its own named TcpServer.
class TcpServer : public Master {
  public:
    /// Listens at `addr` (an address, host name, interface name, or `*` for all), on the ports
    /// `port` and `port` + 1. Throws GeneralError when that is not possible. Transactions are taken
    /// from then on; they fail until a slave is connected.
    static std::shared_ptr<TcpServer> create(std::string addr, uint16_t port);

    /// As `create`.
    TcpServer(std::string addr, uint16_t port);

    /// Stops the server.
    ~TcpServer() override;

    /// Does nothing: the server runs when it has been made.
    void start();

    /// Closes all connections and ports, and returns when the server's thread has ended. It waits
    /// for a slave that is carrying out a transaction on that thread, and logs it; called by such a
    /// slave it returns at once. It may be called again. A stopped server stays stopped.
    void stop() override;

    /// As `stop`.
    [[deprecated("use stop()")]] void close();

  private:
    std::shared_ptr<rogue_memory_bridge::ServerState> server_;
};

/// Pointer to a server.
typedef std::shared_ptr<TcpServer> TcpServerPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
