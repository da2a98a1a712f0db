// A queue between threads. Header only; a part of Rogue's interface that applications use on their
// own.

// Outside the include guard, so that it stops the compiler when a header of Rogue's comes later.
#include "rogue/Directives.h"
#ifndef ROGUE_DIRECTIVES_H
#error "Both Rogue and rogue-memory-bridge are here: use one of the two. See docs/from-rogue.md."
#endif

#ifndef ROGUE_QUEUE_H
#define ROGUE_QUEUE_H

// Not all of these are needed here: programs rely on what Rogue's header of this name brings along.
#include <stdint.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <utility>

namespace rogue {

/// First in, first out, for any number of threads at either end.
template <typename T>
class Queue {
  public:
    /// An empty queue without a limit.
    Queue() = default;

    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    /// Ends the queue for good: whoever waits returns, `push` drops what it is given, and `pop`
    /// returns a default-constructed entry.
    void stop() {
        std::lock_guard<std::mutex> lock(mutex_);
        run_ = false;
        room_.notify_all();
        entry_.notify_all();
    }

    /// Sets the number of entries from which on `push` waits; 0, the default, is no limit.
    void setMax(uint32_t max) {
        std::lock_guard<std::mutex> lock(mutex_);
        max_ = max;
        room_.notify_all();
    }

    /// Sets the number of entries from which on `busy` is true; 0, the default, is never.
    void setThold(uint32_t thold) {
        std::lock_guard<std::mutex> lock(mutex_);
        thold_ = thold;
    }

    /// Appends `data`, after waiting for room if there is a limit.
    void push(T const& data) {
        std::unique_lock<std::mutex> lock(mutex_);
        room_.wait(lock, [this] { return !run_ || max_ == 0 || queue_.size() < max_; });
        if (!run_) return;
        queue_.push(data);
        entry_.notify_one();
    }

    /// Whether there is no entry now.
    bool empty() {
        std::lock_guard<std::mutex> lock(mutex_);
        return queue_.empty();
    }

    /// The number of entries now.
    uint32_t size() {
        std::lock_guard<std::mutex> lock(mutex_);
        return static_cast<uint32_t>(queue_.size());
    }

    /// Whether the number of entries has reached the threshold.
    bool busy() {
        std::lock_guard<std::mutex> lock(mutex_);
        return thold_ > 0 && queue_.size() >= thold_;
    }

    /// Drops all entries.
    void reset() {
        std::queue<T> dropped; // destroyed after the lock: T's destructor is somebody else's code
        std::lock_guard<std::mutex> lock(mutex_);
        queue_.swap(dropped);
        room_.notify_all();
    }

    /// Takes the first entry, after waiting for one.
    T pop() {
        std::unique_lock<std::mutex> lock(mutex_);
        entry_.wait(lock, [this] { return !run_ || !queue_.empty(); });
        if (!run_) return T();
        T first(std::move(queue_.front()));
        queue_.pop();
        room_.notify_one();
        return first;
    }

  private:
    std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable entry_;
    std::queue<T> queue_;
    uint32_t max_ = 0;
    uint32_t thold_ = 0;
    bool run_ = true;
};

} // namespace rogue

#endif
