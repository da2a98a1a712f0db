// What a TcpServer or TcpClient has done, as its `stats` tells it. These structs stay as they are
// as long as the libraries take each other's place.

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

/// How many transactions of one type came out in which way.
struct TcpOutcomes {
    /// Carried out. A Post counts as such once a client has sent it, and once a server's slave has
    /// taken it.
    uint64_t done = 0;
    /// Failed, for whatever reason.
    uint64_t failed = 0;
};

/// The times that transactions took, in nanoseconds to two digits: at a client from sending to the
/// response, at a server from the request's arrival to its slave's answer. All are 0 as long as
/// there are none.
struct TcpLatency {
    /// How many transactions were timed: those that had a response.
    uint64_t count = 0;
    /// The shortest time.
    uint64_t minNs = 0;
    /// The mean of all times.
    uint64_t meanNs = 0;
    /// The time within which half of them were over.
    uint64_t p50Ns = 0;
    /// The time within which 90 % of them were over.
    uint64_t p90Ns = 0;
    /// The time within which 99 % of them were over.
    uint64_t p99Ns = 0;
    /// The time within which 99.9 % of them were over.
    uint64_t p999Ns = 0;
    /// The longest time.
    uint64_t maxNs = 0;
};

/// What a server or client, or one connection, has done since its beginning.
struct TcpTraffic {
    /// Transactions of type Read.
    TcpOutcomes reads;
    /// Transactions of type Write.
    TcpOutcomes writes;
    /// Transactions of type Post.
    TcpOutcomes posts;
    /// Transactions of type Verify.
    TcpOutcomes verifies;
    /// Of those that failed, how many because their time was over.
    uint64_t timedOut = 0;
    /// Transactions that the server refused without asking its slave, since their size, type or
    /// data were wrong; they are counted here alone. Always 0 at a client.
    uint64_t refused = 0;
    /// Bytes of data that Reads and Verifies have brought.
    uint64_t bytesRead = 0;
    /// Bytes of data that Writes and Posts have taken.
    uint64_t bytesWritten = 0;
    /// Transactions under way now: sent and not answered (client), in the slave's hands (server).
    uint64_t outstanding = 0;
    /// The most that have been under way at a time.
    uint64_t mostOutstanding = 0;
    /// How long they took.
    TcpLatency latency;
};

/// What a TcpServer has done.
struct TcpServerStats {
    /// What it did for all clients together, those that have gone included.
    TcpTraffic traffic;
    /// Posts that have failed, those that were refused included; nobody else hears of them.
    uint64_t failedPosts = 0;
    /// Connections now, two for each client.
    uint64_t connections = 0;
    /// Connections that there have been, those of now included, and those that were closed at once.
    uint64_t connectionsTotal = 0;
    /// Connections that it closed since there were as many as may be.
    uint64_t droppedOverLimit = 0;
    /// Connections that it closed since no handshake came in time.
    uint64_t droppedHandshake = 0;
    /// Connections that it closed since they sent what no client of the bridge may send.
    uint64_t droppedProtocol = 0;
    /// Connections that it closed since they did not take their responses.
    uint64_t droppedNotReading = 0;
    /// Connections that the network lost: their hosts gave no sign of life. One whose peer's
    /// process ended is not counted.
    uint64_t droppedNetwork = 0;
    /// Bytes of responses that wait to be read, of all clients together.
    uint64_t bytesQueued = 0;
};

/// A client that is connected to a TcpServer now.
struct TcpPeerStats {
    /// Its IP address.
    std::string address;
    /// The port that its requests come from: tells clients at one address apart.
    uint16_t port = 0;
    /// Whether it is a client of this library, which names its session; others are such as Rogue's.
    bool session = false;
    /// What was done for it since it connected.
    TcpTraffic traffic;
    /// Bytes of responses that it has not read yet.
    uint64_t bytesQueued = 0;
};

/// What a TcpClient has done.
struct TcpClientStats {
    /// All that it did.
    TcpTraffic traffic;
    /// What it did over the connection that there is now; all 0 while there is none.
    TcpTraffic connection;
    /// How often it has connected: the first connection, and each one that was made anew.
    uint64_t connects = 0;
    /// How often a connection was lost.
    uint64_t losses = 0;
    /// How often an attempt to connect has failed.
    uint64_t failedAttempts = 0;
    /// Bytes of requests that were sent over connections which were lost before the server's host had
    /// acknowledged them: the server may have got them, or not. 0 where the system does not tell.
    uint64_t unacknowledgedBytes = 0;
    /// Posted writes among those. They count as done, since they had been sent.
    uint64_t unacknowledgedPosts = 0;
};

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
