// Private members of Rogue's objects that this bridge needs: a master's slave and timeout, a
// transaction's timeout and parents, a logger's level. Not for users.
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

/// The slave of a master, and the time that it has for each transaction.
struct Target {
    rim::SlavePtr slave;
    timeval timeout;
};

/// Reads both under the master's lock. Nothing else takes that lock to read the slave, not even
/// Master::getSlave.
Target targetOf(rim::Master& master);

/// Drops `slave` if the master still has the same one, so that it is not the last reference.
/// Otherwise `slave` stays as it is.
void giveBack(rim::Master& master, rim::SlavePtr& slave);

/// The time that the master gives to the transaction. The transaction's lock must be held.
timeval timeoutOf(rim::Transaction& transaction);

/// Sets that time. The transaction's lock must be held.
void setTimeout(rim::Transaction& transaction, timeval timeout);

/// Whether the transaction is a piece of another one.
bool isPiece(rim::Transaction& transaction);

/// Whether no master waits for the transaction, or for one that it is a piece of. The transaction's
/// lock must be held. (Transaction::expired looks at the transaction alone, but the bytes of a
/// piece are gone as soon as its parent has expired.)
bool isOver(rim::Transaction& transaction);

/// Whether the transaction was made without data and is not complete. Transaction::expired is true
/// for it, but its master waits. The transaction's lock must be held.
bool lacksData(rim::Transaction& transaction);

/// The lowest level that a logger emits at present.
uint32_t levelOf(const rogue::Logging& log);

} // namespace RMB_HIDDEN

#endif
