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

/// Whether a TcpClient has a connection to its server.
enum class TcpLinkState : uint32_t {
    Connecting = 1, ///< There has been none yet; the client tries.
    Connected = 2,  ///< There is one, as far as is known.
    Lost = 3,       ///< There was one; the client tries to get another.
    Stopped = 4     ///< The client has been stopped, for good.
};

/// A slave whose transactions are carried out by the slave of a TcpServer. It takes accesses of 4
/// to 0xFFFFFFFF bytes.
class TcpClient : public Slave {
  public:
    /// Connects to the server at `addr` (an address or host name without a port; a link-local
    /// address of IPv6 with its interface, `fe80::1%eth0`), ports `port` and `port` + 1, and goes
    /// on trying until stopped; it does not wait for that. Throws GeneralError when the address or
    /// port cannot be one. `waitReady` makes `start` wait for the server.
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

    /// Whether there is a connection now.
    TcpLinkState linkState() const;

    /// Waits until the link is in that state, for at most `timeout` seconds (infinity is for ever).
    /// Returns whether it is; also false, and at once, when the client is stopped and another state
    /// was waited for. A state that passes within a moment may be missed.
    bool waitLink(TcpLinkState state, double timeout);

    /// What the client has done since it was made.
    TcpClientStats stats() const;

    /// Sets how many transactions may wait for their responses at a time; who asks for more is held
    /// back, for at most the timeout of the transaction. 65536 unless set, and again with 0. Holds
    /// from now on.
    void setMaxOutstanding(uint64_t count);

    /// Tells what `setMaxOutstanding` has set.
    uint64_t getMaxOutstanding() const;

    /// Sets how many bytes of requests the network may not have taken yet before who asks is held
    /// back. 1048576 unless set, and again with 0. Holds from now on.
    void setMaxQueued(uint64_t bytes);

    /// Tells what `setMaxQueued` has set.
    uint64_t getMaxQueued() const;

    /// Sets the time that an attempt to connect may take without progress, handshake included, in
    /// microseconds. It begins anew when a connection opens, and when the server's greeting or its
    /// READY has come, so an attempt takes at most six times as long. 5000000 unless set, and again
    /// with 0. Holds for connections made from now on.
    void setConnectTimeout(uint64_t timeout);

    /// Tells what `setConnectTimeout` has set, in microseconds.
    uint64_t getConnectTimeout() const;

    /// Sets how long the server's host may give no sign of life before the connection counts as
    /// lost, at least one second, in microseconds. A server whose host lives is waited for, however
    /// long it takes nothing. 10000000 unless set, and again with 0. Holds for connections made from
    /// now on.
    void setKeepAlive(uint64_t time);

    /// Tells what `setKeepAlive` has set, in microseconds.
    uint64_t getKeepAlive() const;

    /// Sets that the connection is closed, and a new one made, when a transaction that was sent times
    /// out: what this host has not sent of it by then never leaves, so that a write which was reported
    /// as timed out is less likely to be carried out later. What else is under way fails with
    /// "connection lost". Off unless set. Holds from now on.
    void setCloseOnTimeout(bool close);

    /// Tells what `setCloseOnTimeout` has set.
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
