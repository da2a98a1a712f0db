// The attribute of the bridge's own classes and functions: a library that contains them does not
// export them.
#ifndef ROGUE_MEMORY_BRIDGE_HIDDEN_H
#define ROGUE_MEMORY_BRIDGE_HIDDEN_H

#define RMB_HIDDEN __attribute__((visibility("hidden")))

#endif
