// Settings of the bridge for which Rogue's classes have no place. They are environment variables,
// read when a server is made.
#ifndef ROGUE_MEMORY_BRIDGE_SETTINGS_H
#define ROGUE_MEMORY_BRIDGE_SETTINGS_H

#include "hidden.h"

#include "rogue/rim.h"

namespace rogue_memory_bridge RMB_HIDDEN {

/// The limits of a server: the library's, except for
///   ROGUE_MEMORY_BRIDGE_OUTSTANDING      most transactions that the slave has at a time (32);
///                                        1: one after the other, as in Rogue
///   ROGUE_MEMORY_BRIDGE_MAX_TRANSACTION  bytes of the largest transaction (16777216)
/// Throws rogue::GeneralError if one of the variables is not a number of at least 1.
rim_tcp_server_options serverOptions();

} // namespace RMB_HIDDEN

#endif
