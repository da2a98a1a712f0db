// Cancellation (pthread_cancel) unwinds a thread out of any call that waits. Some code here waits
// while its callers, such as destructors, must not be unwound. Calls of the Rust side hold
// cancellation off themselves. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_UNCANCELLED_H
#define ROGUE_MEMORY_BRIDGE_UNCANCELLED_H

#include <pthread.h>

namespace rogue_memory_bridge {

/// While it exists, the calling thread is not cancelled. A cancellation in the meantime takes
/// effect afterwards.
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
