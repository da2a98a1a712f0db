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
#include "rogue/interfaces/memory/TcpStats.h"

#include <stdint.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
    /// Listens at `addr` (an address, host name, interface name, or `*` for all; a link-local
    /// address of IPv6 with its interface, `fe80::1%eth0`), on the ports `port` and `port` + 1.
    /// Throws GeneralError when that is not possible. Transactions are taken from then on; they
    /// fail until a slave is connected.
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

    /// What the server has done since it was made.
    TcpServerStats stats() const;

    /// The clients that are connected now, in no particular order, with what was done for each.
    ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR
    std::vector<TcpPeerStats> peerStats() const;

    /// Sets the largest transaction, in bytes; a larger one is refused by an error response.
    /// 16777216 unless set, and again with 0. Holds for connections that come from now on.
    void setMaxTransaction(uint32_t bytes);

    /// Tells what `setMaxTransaction` has set.
    uint32_t getMaxTransaction() const;

    /// Sets how many transactions may be in the slave's hands at a time; the others wait their
    /// turn. With 1, a transaction comes when the one before it has completed. 32 unless set, and
    /// again with 0. Holds from now on.
    ///
    /// Those of clients that have gone do not count: their reads have expired, and what they have
    /// written counts for another second (with 1: all of them, for as long as `setKeepAlive` says).
    /// Up to 8 times as many may be with the slave beside those that count.
    void setMaxOutstanding(uint64_t count);

    /// Tells what `setMaxOutstanding` has set.
    uint64_t getMaxOutstanding() const;

    /// Sets how many connections there may be, two for each client; those over it are closed. 4096
    /// unless set, and again with 0. Holds from now on; those that there are stay.
    void setMaxConnections(uint64_t count);

    /// Tells what `setMaxConnections` has set.
    uint64_t getMaxConnections() const;

    /// Sets how many bytes of responses may be held for one client: those that wait for it to read
    /// them, and the answers of its transactions in the slave's hands. A transaction whose answer
    /// would be more waits. 33554432 unless set, and again with 0. Holds from now on.
    void setMaxQueued(uint64_t bytes);

    /// Tells what `setMaxQueued` has set.
    uint64_t getMaxQueued() const;

    /// Sets how many bytes of responses may be held for all clients together. A transaction whose
    /// answer does not fit waits; a client for which nothing is held always gets an answer of up to
    /// 4096 bytes. When one has waited for a second, the clients that hold most and take least are
    /// closed. As many bytes again may be held of requests. 268435456 unless set, and again with 0.
    /// Holds from now on.
    void setMaxQueuedTotal(uint64_t bytes);

    /// Tells what `setMaxQueuedTotal` has set.
    uint64_t getMaxQueuedTotal() const;

    /// Sets how many clients there may be from one address, each with two connections; the
    /// connections of more are closed. Unless set, and again with 0, one address may have half of
    /// what `setMaxConnections` allows. All addresses of an IPv6 network (a /64) together have at
    /// most three quarters of that, or what one address may have if that is more. Holds from now
    /// on.
    void setMaxClientsPerAddress(uint64_t count);

    /// Tells what `setMaxClientsPerAddress` has set; 0 if nothing.
    uint64_t getMaxClientsPerAddress() const;

    /// Sets that nothing is handed to the slave that a client sent before it closed its connection,
    /// and that has not been handed out yet. Unless set it is carried out: programs post and exit.
    /// Holds from now on.
    void setDropAfterClose(bool drop);

    /// Tells what `setDropAfterClose` has set.
    bool getDropAfterClose() const;

    /// Sets the time from a connection's arrival to the end of its handshake, in microseconds. A
    /// connection whose client has not made the other one, and that sends no request, is closed
    /// after that too, or after 10 s if that is less. 30000000 unless set, and again with 0. Holds
    /// for connections that come from now on.
    void setHandshakeTimeout(uint64_t timeout);

    /// Tells what `setHandshakeTimeout` has set, in microseconds.
    uint64_t getHandshakeTimeout() const;

    /// Sets how long the host of a peer may give no sign of life before its connection is dropped,
    /// at least one second; a client whose host lives, and that takes none of its responses, is
    /// dropped after six times as long. In microseconds. 10000000 unless set, and again with 0.
    /// Holds for connections that come from now on.
    void setKeepAlive(uint64_t time);

    /// Tells what `setKeepAlive` has set, in microseconds.
    uint64_t getKeepAlive() const;

  private:
    std::shared_ptr<rogue_memory_bridge::ServerState> server_;
};

/// Pointer to a server.
typedef std::shared_ptr<TcpServer> TcpServerPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
