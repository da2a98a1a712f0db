// Converts the counters of the Rust side into the public structs. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_STATS_H
#define ROGUE_MEMORY_BRIDGE_STATS_H

#include "bridge.h"

#include "rogue/interfaces/memory/TcpStats.h"

namespace rogue_memory_bridge {

rogue::interfaces::memory::TcpTraffic traffic(const Traffic& from);

} // namespace rogue_memory_bridge

#endif
