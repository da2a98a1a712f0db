// What this bridge has to know of Rogue's own objects that Rogue's classes keep to themselves: a
// master's slave and timeout, a transaction's timeout and parents, a logger's level. Not for users.
#ifndef ROGUE_MEMORY_BRIDGE_INSIDE_H
#define ROGUE_MEMORY_BRIDGE_INSIDE_H

#include "rogue/Directives.h"

#include "hidden.h"

#include "rogue/Logging.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/Transaction.h"

#include <sys/time.h>

#include <cstdint>
#include <memory>

namespace rogue_memory_bridge RMB_HIDDEN {

namespace rim = rogue::interfaces::memory;

/// Where a master sends its transactions, and how long it gives each.
struct Target {
    rim::SlavePtr slave;
    timeval timeout;
};

/// Read under the master's lock, which neither Master::getSlave nor anything else takes.
Target targetOf(rim::Master& master);

/// Lets go of `slave` if the master still has it, so that this reference was not the last one.
/// Otherwise it stays as it is.
void giveBack(rim::Master& master, rim::SlavePtr& slave);

/// The time that the transaction's master gives it. Its lock must be held.
timeval timeoutOf(rim::Transaction& transaction);

/// Sets it. Its lock must be held.
void setTimeout(rim::Transaction& transaction, timeval timeout);

/// Whether it is a piece of another one.
bool isPiece(rim::Transaction& transaction);

/// Whether nobody waits for the transaction, or for one that it is a piece of. The lock must be
/// held. (Transaction::expired asks the transaction alone: the bytes of a piece are gone as soon as
/// its parent has expired.)
bool isOver(rim::Transaction& transaction);

/// Whether it was made without data, and is not complete: to `expired` it looks like one that is
/// over, but its master waits. The lock must be held.
bool lacksData(rim::Transaction& transaction);

/// The lowest level that a logger emits at present.
uint32_t levelOf(const rogue::Logging& log);

} // namespace RMB_HIDDEN

#endif
