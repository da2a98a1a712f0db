// The types of a transaction. The numbers are those on the wire.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_INTERFACES_MEMORY_CONSTANTS_H
#define ROGUE_INTERFACES_MEMORY_CONSTANTS_H

#include <stdint.h>

namespace rogue {
namespace interfaces {
namespace memory {

/// Read from the slave.
static const uint32_t Read = 0x1;

/// Write to the slave. The response tells whether the slave has carried it out.
static const uint32_t Write = 0x2;

/// Posted write: for the master it is complete when it has been sent. No response comes.
static const uint32_t Post = 0x3;

/// Read whose data the master compares with what it wrote.
static const uint32_t Verify = 0x4;

/// Type of the request that asks a TcpServer whether it is there. It does not reach the slave.
static const uint32_t TcpBridgeProbe = 0xFFFFFFFE;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
