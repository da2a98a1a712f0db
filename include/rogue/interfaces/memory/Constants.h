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

/// Write to the slave, and learn whether it went well.
static const uint32_t Write = 0x2;

/// Posted write: write to the slave, and wait for no answer.
static const uint32_t Post = 0x3;

/// Read from the slave what was written before, to compare it.
static const uint32_t Verify = 0x4;

/// Asks a TcpServer whether it is there. It does not reach the slave.
static const uint32_t TcpBridgeProbe = 0xFFFFFFFE;

} // namespace memory
} // namespace interfaces
} // namespace rogue

#endif
