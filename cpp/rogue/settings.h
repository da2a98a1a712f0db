// What a site can set about the bridge that Rogue's classes have no place for: environment
// variables, read when a server is made.
#ifndef ROGUE_MEMORY_BRIDGE_SETTINGS_H
#define ROGUE_MEMORY_BRIDGE_SETTINGS_H

#include "hidden.h"

#include "rogue/rim.h"

namespace rogue_memory_bridge RMB_HIDDEN {

/// The limits of a server: those of the library, but for
///   ROGUE_MEMORY_BRIDGE_OUTSTANDING      transactions in the slave's hands at a time (32); 1 is
///                                        one after the other, as in Rogue
///   ROGUE_MEMORY_BRIDGE_MAX_TRANSACTION  bytes of the largest transaction (16777216)
/// Throws rogue::GeneralError if one of them is no number from 1 up.
rim_tcp_server_options serverOptions();

} // namespace RMB_HIDDEN

#endif
