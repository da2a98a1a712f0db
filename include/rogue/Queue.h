// A queue between threads, in this header alone. The bridge does not use it: it is a part of
// Rogue's interface that applications use.

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

    /// Ends the queue for good: waiting threads return, `push` drops its argument, and `pop`
    /// returns a default-constructed entry.
    void stop() {
        std::lock_guard<std::mutex> lock(mutex_);
        run_ = false;
        room_.notify_all();
        entry_.notify_all();
    }

    /// Sets the number of entries at which `push` waits for room; 0, the default, is no limit.
    void setMax(uint32_t max) {
        std::lock_guard<std::mutex> lock(mutex_);
        max_ = max;
        room_.notify_all();
    }

    /// Sets the number of entries at which `busy` becomes true; 0, the default, is never.
    void setThold(uint32_t thold) {
        std::lock_guard<std::mutex> lock(mutex_);
        thold_ = thold;
    }

    /// Appends a copy of `data`. If the queue is full, waits for room first.
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
        // Destroyed after the lock is released: T's destructor is the user's code.
        std::queue<T> dropped;
        std::lock_guard<std::mutex> lock(mutex_);
        queue_.swap(dropped);
        room_.notify_all();
    }

    /// Removes and returns the first entry. If the queue is empty, waits for one first.
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
