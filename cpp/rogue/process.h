// The process and the thread that the bridge runs in: what has to work in a process that was forked
// off too, and threads that are not to be cancelled.
#ifndef ROGUE_MEMORY_BRIDGE_PROCESS_H
#define ROGUE_MEMORY_BRIDGE_PROCESS_H

#include "hidden.h"

#include <pthread.h>

namespace rogue_memory_bridge RMB_HIDDEN {

/// One `Object` for the process, with a member `mutex`. Whoever forks holds the mutex meanwhile, so
/// that no other thread does, for ever, in the child.
template <typename Object>
class FreeInChildren {
  public:
    /// To be called once.
    static Object* make() {
        object() = new Object;
        pthread_atfork([] { object()->mutex.lock(); }, [] { object()->mutex.unlock(); },
                       [] { object()->mutex.unlock(); });
        return object();
    }

  private:
    static Object*& object() {
        static Object* made = nullptr;
        return made;
    }
};

/// While it lives the calling thread is not cancelled (pthread_cancel), but afterwards: what waits
/// may have callers that must not be unwound, destructors among them. Calls of librim see to it
/// themselves.
class Uncancelled {
  public:
    Uncancelled() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }
    Uncancelled(const Uncancelled&) = delete;
    Uncancelled& operator=(const Uncancelled&) = delete;

  private:
    int before_ = 0;
};

} // namespace RMB_HIDDEN

#endif
