// Helpers for processes that are forked off, and for threads that must not be cancelled.
#ifndef ROGUE_MEMORY_BRIDGE_PROCESS_H
#define ROGUE_MEMORY_BRIDGE_PROCESS_H

#include "hidden.h"

#include <pthread.h>

namespace rogue_memory_bridge RMB_HIDDEN {

/// The one `Object` of the process, which has a member `mutex`. A thread that forks holds the mutex
/// during the fork; otherwise another thread could hold it then, and in the child it would be
/// locked for ever.
template <typename Object>
class FreeInChildren {
  public:
    /// Call it once.
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

/// While it exists, the calling thread is not cancelled (pthread_cancel); a cancellation in the
/// meantime takes effect afterwards. Needed where code waits while its callers, such as
/// destructors, must not be unwound. Calls of librim hold cancellation off themselves.
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
