// The client of the bridge: the end where the masters are.

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
#include "rogue/interfaces/memory/TcpStats.h"

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

/// The state of the link between a TcpClient and its server.
enum class TcpLinkState : uint32_t {
    Connecting = 1, ///< There has been no connection yet; the client tries to connect.
    Connected = 2,  ///< There is a connection, as far as the client knows.
    Lost = 3,       ///< The connection was lost; the client tries to connect again.
    Stopped = 4     ///< The client has been stopped and stays so.
};

/// A slave that has its transactions carried out at a TcpServer, by the slave there. It takes
/// accesses of 4 to 0xFFFFFFFF bytes. All methods may be called from any thread.
///
/// It connects by itself, and reconnects after a connection was lost. A transaction that is made
/// meanwhile waits for the connection, for at most its timeout.
class TcpClient : public Slave {
  public:
    /// Makes a client of the server at `addr`, on `port` and the port after it. It returns at once,
    /// whether there is a server or not. `addr` is an IP address or host name without a port; a
    /// link-local address of IPv6 names its interface, `fe80::1%eth0`. `waitReady` makes `start`
    /// wait for the server. Throws GeneralError if the address or port cannot be one.
    static std::shared_ptr<TcpClient> create(std::string addr, uint16_t port,
                                             bool waitReady = false);

    /// As `create`.
    TcpClient(std::string addr, uint16_t port, bool waitReady = false);

    /// Stops the client.
    ~TcpClient() override;

    /// If `waitReady` was given to the constructor: waits up to 10 s for the server to answer, and
    /// throws GeneralError if it does not. Otherwise does nothing: the client runs from its
    /// construction on.
    void start();

    /// Closes the connection. Transactions under way fail at once, and so does each later one. It
    /// may be called again. A stopped client stays stopped.
    void stop() override;

    /// As `stop`.
    [[deprecated("use stop()")]] void close();

    /// Waits until the server answers, for at most `timeout` seconds, and asks it every `period`
    /// seconds. Returns whether it has answered. It need not be called: transactions wait for the
    /// connection by themselves. Servers of Rogue before 6.8.5 do not know the question.
    bool waitReady(double timeout, double period);

    /// The present state of the link.
    TcpLinkState linkState() const;

    /// Waits until the link is in `state`, for at most `timeout` seconds (infinity waits without
    /// limit). Returns whether it is. Returns false at once if the client is stopped and another
    /// state was waited for. A state that lasts only a moment may be missed.
    bool waitLink(TcpLinkState state, double timeout);

    /// The client's statistics since it was made. Throws GeneralError in a process that was forked
    /// off.
    TcpClientStats stats() const;

    /// Sets how many transactions may wait for their responses at a time. Above this number callers
    /// block, for at most the timeout of their transaction. 65536 unless set, and again with 0.
    /// Applies from now on.
    void setMaxOutstanding(uint64_t count);

    /// The limit that `setMaxOutstanding` sets.
    uint64_t getMaxOutstanding() const;

    /// Sets how many bytes of requests may wait until the network takes them. Above this number
    /// callers block, for at most the timeout of their transaction. 1048576 unless set, and again
    /// with 0. Applies from now on.
    void setMaxQueued(uint64_t bytes);

    /// The limit that `setMaxQueued` sets, in bytes.
    uint64_t getMaxQueued() const;

    /// Sets how long an attempt to connect may make no progress, in microseconds. The time starts
    /// again when a connection opens, when the server's greeting arrives and when its READY
    /// arrives, so an attempt takes at most six times as long. 5000000 unless set, and again with
    /// 0. Applies to connections made from now on.
    void setConnectTimeout(uint64_t timeout);

    /// The time that `setConnectTimeout` sets, in microseconds.
    uint64_t getConnectTimeout() const;

    /// Sets how long the server's host may give no sign of life before the connection counts as
    /// lost, in microseconds; at least one second. As long as the host is alive the client waits,
    /// even if the server takes nothing. 10000000 unless set, and again with 0. Applies to
    /// connections made from now on.
    void setKeepAlive(uint64_t time);

    /// The time that `setKeepAlive` sets, in microseconds.
    uint64_t getKeepAlive() const;

    /// Sets whether a transaction that was sent and times out closes the connection; then a new one
    /// is made. What this host has not sent of the transaction by then is never sent, so a write
    /// that was reported as timed out is less likely to be carried out later. Other transactions
    /// under way fail with "connection lost". Off unless set. Applies from now on.
    void setCloseOnTimeout(bool close);

    /// Whether `setCloseOnTimeout` is on.
    bool getCloseOnTimeout() const;

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
