// Warns when a real Rogue is in the same process. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_BESIDE_H
#define ROGUE_MEMORY_BRIDGE_BESIDE_H

namespace rogue_memory_bridge {

/// Writes one line to stderr, once, if a librogue-core is loaded. Its classes have the same names
/// as ours, so each of the two libraries calls into the other, with unpredictable results.
void warnBesideRogue() noexcept;

} // namespace rogue_memory_bridge

#endif
