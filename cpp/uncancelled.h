// Cancellation of threads (pthread_cancel) unwinds a thread out of whatever it waits in. What waits
// here may have callers that must not be unwound, destructors among them. Calls of the Rust side
// see to it themselves. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_UNCANCELLED_H
#define ROGUE_MEMORY_BRIDGE_UNCANCELLED_H

#include <pthread.h>

namespace rogue_memory_bridge {

/// While it lives the calling thread is not cancelled, but afterwards.
class Uncancelled {
  public:
#ifdef __ANDROID__ // has no cancellation
    Uncancelled() {}
#else
    Uncancelled() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }
#endif
    Uncancelled(const Uncancelled&) = delete;
    Uncancelled& operator=(const Uncancelled&) = delete;

  private:
    int before_ = 0;
};

} // namespace rogue_memory_bridge

#endif
