// Calls a slave, whose code is the user's: none of its exceptions may be lost or end the process.
// Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_DISPATCH_H
#define ROGUE_MEMORY_BRIDGE_DISPATCH_H

#include "rogue/interfaces/memory/Slave.h"

namespace rogue_memory_bridge {

/// Hands `transaction` to `slave`. An exception fails the transaction with its text. Only the end
/// of the calling thread (pthread_exit, cancellation) goes through, after failing it.
void dispatch(rogue::interfaces::memory::Slave& slave,
              const rogue::interfaces::memory::TransactionPtr& transaction);

/// As `dispatch`, for a transaction from the network. Its size is checked against the access sizes
/// of the slave first; only if it fits is memory allocated for it.
void admitAndDispatch(rogue::interfaces::memory::Slave& slave,
                      const rogue::interfaces::memory::TransactionPtr& transaction);

} // namespace rogue_memory_bridge

#endif
