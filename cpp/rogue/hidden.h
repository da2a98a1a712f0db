// The attribute of what is the bridge's own: no library that its sources go into exports it.
#ifndef ROGUE_MEMORY_BRIDGE_HIDDEN_H
#define ROGUE_MEMORY_BRIDGE_HIDDEN_H

#define RMB_HIDDEN __attribute__((visibility("hidden")))

#endif
