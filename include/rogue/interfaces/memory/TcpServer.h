// The server of the bridge: the end where the slave is.

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

/// Takes transactions from any number of TcpClients, and hands them to the slave that it is
/// connected to, in the order of arrival, on a thread of its own named TcpServer. The slave has the
/// time of `setTimeout` for each transaction; after that the client gets an error. All methods may
/// be called from any thread.
class TcpServer : public Master {
  public:
    /// Makes a server that listens at `addr`, on `port` and the port after it. `addr` is an IP
    /// address, a host name, the name of a network interface, or `*` for all addresses of this
    /// host; a link-local address of IPv6 names its interface, `fe80::1%eth0`. Throws GeneralError
    /// if the address or a port cannot be had. The server takes transactions from now on; they fail
    /// until a slave is connected.
    static std::shared_ptr<TcpServer> create(std::string addr, uint16_t port);

    /// As `create`.
    TcpServer(std::string addr, uint16_t port);

    /// Stops the server.
    ~TcpServer() override;

    /// Does nothing: the server runs from its construction on.
    void start();

    /// Closes all connections and ports, and returns when the server's thread has ended. If the
    /// slave is carrying out a transaction on that thread, it waits for the slave, and logs that
    /// after 150 ms. If the slave itself calls it, it returns at once. It may be called again. A
    /// stopped server stays stopped. Does nothing in a process that was forked off.
    void stop() override;

    /// As `stop`.
    [[deprecated("use stop()")]] void close();

    /// The server's statistics since it was made. Throws GeneralError in a process that was forked
    /// off.
    TcpServerStats stats() const;

    /// The statistics of each client that is connected now, in no particular order. Throws
    /// GeneralError in a process that was forked off.
    ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR
    std::vector<TcpPeerStats> peerStats() const;

    /// Sets the largest transaction, in bytes. A larger one gets an error response. 16777216 unless
    /// set, and again with 0. Applies to connections that come from now on.
    void setMaxTransaction(uint32_t bytes);

    /// The size that `setMaxTransaction` sets, in bytes.
    uint32_t getMaxTransaction() const;

    /// Sets how many transactions the slave may have at a time; further ones wait. With 1, the next
    /// transaction comes when the one before it is complete. 32 unless set, and again with 0.
    /// Applies from now on.
    ///
    /// Transactions of clients that are gone do not count, with two exceptions: their writes count
    /// for another second, and if the limit is 1, all of them count for the time of `setKeepAlive`.
    /// Their reads have expired. In addition to those that count, the slave may have up to 8 times
    /// as many that do not.
    void setMaxOutstanding(uint64_t count);

    /// The limit that `setMaxOutstanding` sets.
    uint64_t getMaxOutstanding() const;

    /// Sets how many connections there may be at a time, two for each client. Further ones are
    /// closed. 4096 unless set, and again with 0. Applies from now on; existing connections stay.
    void setMaxConnections(uint64_t count);

    /// The limit that `setMaxConnections` sets.
    uint64_t getMaxConnections() const;

    /// Sets how many bytes of responses may be held for one client: those that wait until it reads
    /// them, and the answers of its transactions that the slave has. A transaction whose answer
    /// would exceed this waits. 33554432 unless set, and again with 0. Applies from now on.
    void setMaxQueued(uint64_t bytes);

    /// The limit that `setMaxQueued` sets, in bytes.
    uint64_t getMaxQueued() const;

    /// Sets how many bytes of responses may be held for all clients together. A transaction whose
    /// answer does not fit waits; a client for which nothing is held always gets an answer of up to
    /// 4096 bytes. When a transaction has waited for a second, the clients that hold most and take
    /// least are closed. The data of requests has a limit of the same size of its own. 268435456
    /// unless set, and again with 0. Applies from now on.
    void setMaxQueuedTotal(uint64_t bytes);

    /// The limit that `setMaxQueuedTotal` sets, in bytes.
    uint64_t getMaxQueuedTotal() const;

    /// Sets how many clients there may be at a time from one address, each with two connections.
    /// Connections of further clients are closed. Unless set, and again with 0, one address may
    /// have half of what `setMaxConnections` allows. All addresses of one IPv6 network (a /64)
    /// together have at most three quarters of that, or what one address may have if that is more.
    /// Applies from now on.
    void setMaxClientsPerAddress(uint64_t count);

    /// The limit that `setMaxClientsPerAddress` sets; 0 if none is set.
    uint64_t getMaxClientsPerAddress() const;

    /// Sets whether the server drops what a client sent before it closed its connection, and the
    /// slave does not have yet. Off unless set: it is carried out, since programs post and exit.
    /// Applies from now on.
    void setDropAfterClose(bool drop);

    /// Whether `setDropAfterClose` is on.
    bool getDropAfterClose() const;

    /// Sets the time from a connection's arrival to the end of its handshake, in microseconds.
    /// After this time, or after 10 s if that is less, a connection is also closed if it has sent
    /// no request and its client has not made its other connection. 30000000 unless set, and again
    /// with 0. Applies to connections that come from now on.
    void setHandshakeTimeout(uint64_t timeout);

    /// The time that `setHandshakeTimeout` sets, in microseconds.
    uint64_t getHandshakeTimeout() const;

    /// Sets how long the host of a client may give no sign of life before its connections are
    /// dropped, in microseconds; at least one second. A client whose host is alive, but which takes
    /// none of the responses that wait for it, is dropped after six times as long. 10000000 unless
    /// set, and again with 0. Applies to connections that come from now on.
    void setKeepAlive(uint64_t time);

    /// The time that `setKeepAlive` sets, in microseconds.
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
