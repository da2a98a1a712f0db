// What the bridge does for the Python interpreter, if Rogue was built with Python.
#ifndef ROGUE_MEMORY_BRIDGE_INTERPRETER_H
#define ROGUE_MEMORY_BRIDGE_INTERPRETER_H

#include "rogue/Directives.h"

#include "inside.h"

namespace rogue_memory_bridge RMB_HIDDEN {

/// Drops a reference to a slave, on a thread that does not hold Python's lock. It may be the last
/// reference to a Python object. While the interpreter exits, this may end the thread
/// (pthread_exit); the reference is still there then.
void drop(rim::SlavePtr& slave);

#ifndef NO_PYTHON
/// Has all servers stopped when the interpreter exits, while Python code can still run. A slave
/// that is called later would find its thread ended in the middle of Rogue's code, which ends the
/// process. Python's lock must be held.
void stopServersAtExit();
#endif

} // namespace RMB_HIDDEN

#endif
