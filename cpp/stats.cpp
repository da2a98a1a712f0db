// See stats.h.
#include "stats.h"

namespace rogue_memory_bridge {

namespace {

rogue::interfaces::memory::TcpOutcomes outcomes(const Outcomes& from) {
    rogue::interfaces::memory::TcpOutcomes to;
    to.done = from.done;
    to.failed = from.failed;
    return to;
}

} // namespace

rogue::interfaces::memory::TcpTraffic traffic(const Traffic& from) {
    rogue::interfaces::memory::TcpTraffic to;
    to.reads = outcomes(from.reads);
    to.writes = outcomes(from.writes);
    to.posts = outcomes(from.posts);
    to.verifies = outcomes(from.verifies);
    to.timedOut = from.timed_out;
    to.refused = from.refused;
    to.bytesRead = from.bytes_read;
    to.bytesWritten = from.bytes_written;
    to.outstanding = from.outstanding;
    to.mostOutstanding = from.most_outstanding;
    to.latency.count = from.latency.count;
    to.latency.minNs = from.latency.min;
    to.latency.meanNs = from.latency.mean;
    to.latency.p50Ns = from.latency.p50;
    to.latency.p90Ns = from.latency.p90;
    to.latency.p99Ns = from.latency.p99;
    to.latency.p999Ns = from.latency.p999;
    to.latency.maxNs = from.latency.max;
    return to;
}

} // namespace rogue_memory_bridge
