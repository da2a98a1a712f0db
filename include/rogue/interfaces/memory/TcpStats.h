// The statistics of TcpServer and TcpClient. These structs stay the same in all versions of the
// library that can replace one another.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_TCP_STATS_H
#define ROGUE_INTERFACES_MEMORY_TCP_STATS_H

#include <stdint.h>

#include <string>

namespace rogue {
namespace interfaces {
namespace memory {

/// The number of transactions of one type, by outcome.
struct TcpOutcomes {
    /// Carried out. A client counts a Post here once it has sent it, a server once its slave has
    /// completed it.
    uint64_t done = 0;
    /// Failed, for any reason.
    uint64_t failed = 0;
};

/// How long transactions took, in nanoseconds, with an accuracy of two digits: at a client from
/// sending to the response, at a server from the request's arrival to its slave's answer. All
/// members are 0 if there were none.
struct TcpLatency {
    /// The number of transactions that were timed: those that had a response.
    uint64_t count = 0;
    /// The shortest time.
    uint64_t minNs = 0;
    /// The mean of all times.
    uint64_t meanNs = 0;
    /// Half of them took at most this time.
    uint64_t p50Ns = 0;
    /// 90 % of them took at most this time.
    uint64_t p90Ns = 0;
    /// 99 % of them took at most this time.
    uint64_t p99Ns = 0;
    /// 99.9 % of them took at most this time.
    uint64_t p999Ns = 0;
    /// The longest time.
    uint64_t maxNs = 0;
};

/// The transactions of a server, of a client or of one connection since its beginning.
struct TcpTraffic {
    /// Transactions of type Read.
    TcpOutcomes reads;
    /// Transactions of type Write.
    TcpOutcomes writes;
    /// Transactions of type Post.
    TcpOutcomes posts;
    /// Transactions of type Verify.
    TcpOutcomes verifies;
    /// The part of the failed ones whose time was over.
    uint64_t timedOut = 0;
    /// Transactions that the server refused without asking its slave, since their size, type or
    /// data was wrong. They are not counted elsewhere. Always 0 at a client.
    uint64_t refused = 0;
    /// Bytes of data that Reads and Verifies have transferred.
    uint64_t bytesRead = 0;
    /// Bytes of data that Writes and Posts have transferred.
    uint64_t bytesWritten = 0;
    /// Transactions under way now. Client: sent and not answered. Server: with the slave.
    uint64_t outstanding = 0;
    /// The most that have been under way at a time.
    uint64_t mostOutstanding = 0;
    /// How long they took.
    TcpLatency latency;
};

/// The statistics of a TcpServer.
struct TcpServerStats {
    /// The transactions of all clients, also of those that are gone.
    TcpTraffic traffic;
    /// Posts that have failed, also those that were refused. Their clients are not told.
    uint64_t failedPosts = 0;
    /// Connections now, two for each client.
    uint64_t connections = 0;
    /// All connections so far: those of now, those that are gone, and those that were closed at
    /// once.
    uint64_t connectionsTotal = 0;
    /// Connections that the server closed because there were as many as `setMaxConnections` or
    /// `setMaxClientsPerAddress` allows.
    uint64_t droppedOverLimit = 0;
    /// Connections that it closed because their handshake was not over within
    /// `setHandshakeTimeout`, or because their client did not make its other connection.
    uint64_t droppedHandshake = 0;
    /// Connections that it closed because they sent something that no client of the bridge may
    /// send.
    uint64_t droppedProtocol = 0;
    /// Connections that it closed because they did not take their responses: within six times
    /// `setKeepAlive`, or while others waited for memory (`setMaxQueuedTotal`).
    uint64_t droppedNotReading = 0;
    /// Connections that the network lost: the client's host gave no sign of life within
    /// `setKeepAlive`. Connections whose client process ended are not counted.
    uint64_t droppedNetwork = 0;
    /// Bytes of responses that wait until their clients read them, for all clients together.
    uint64_t bytesQueued = 0;
};

/// The statistics of one client that is connected to a TcpServer now.
struct TcpPeerStats {
    /// The client's IP address.
    std::string address;
    /// The port that its requests come from. It tells clients at the same address apart.
    uint16_t port = 0;
    /// Whether it is a client of this library, which names its session; false for another one, such
    /// as Rogue's.
    bool session = false;
    /// Its transactions since it connected.
    TcpTraffic traffic;
    /// Bytes of responses that it has not read yet.
    uint64_t bytesQueued = 0;
};

/// The statistics of a TcpClient.
struct TcpClientStats {
    /// All its transactions.
    TcpTraffic traffic;
    /// Its transactions over the present connection; all 0 while there is none.
    TcpTraffic connection;
    /// How often it has connected, the first time included.
    uint64_t connects = 0;
    /// How often a connection was lost.
    uint64_t losses = 0;
    /// How often an attempt to connect has failed.
    uint64_t failedAttempts = 0;
    /// Bytes of requests that were sent over connections that were then lost before the server's
    /// host had acknowledged them. The server may or may not have received them. 0 on systems that
    /// do not report it.
    uint64_t unacknowledgedBytes = 0;
    /// Posts among those bytes. They count as done, since they had been sent.
    uint64_t unacknowledgedPosts = 0;
};

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
