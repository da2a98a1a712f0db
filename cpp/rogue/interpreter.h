// What the bridge has to do with the Python interpreter, if Rogue was built with it.
#ifndef ROGUE_MEMORY_BRIDGE_INTERPRETER_H
#define ROGUE_MEMORY_BRIDGE_INTERPRETER_H

#include "rogue/Directives.h"

#include "inside.h"

namespace rogue_memory_bridge RMB_HIDDEN {

/// Lets go of a reference to a slave on a thread that does not have Python's lock. It may be the
/// last one to an object of Python's. While the interpreter exits this may end the thread
/// (pthread_exit), and then the reference is still there.
void drop(rim::SlavePtr& slave);

#ifndef NO_PYTHON
/// Has all servers stopped when the interpreter exits, while Python code can still run: a slave
/// that is called later would find its thread ended in the middle of Rogue's code, which takes the
/// process down. Python's lock must be held.
void stopServersAtExit();
#endif

} // namespace RMB_HIDDEN

#endif
