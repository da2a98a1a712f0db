// An allocator for the objects of one class. Each thread keeps the memory of freed objects for its
// next ones, because a master with many transactions outstanding has more of them than an allocator
// keeps at hand for one size. The Rust side does the same for its part of a transaction
// (src/bus/spares.rs). With 64 outstanding, transactions take 0.94 to 0.98 of the time that they
// take without it. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_REUSE_H
#define ROGUE_MEMORY_BRIDGE_REUSE_H

#include <cstddef>
#include <new>

namespace rogue_memory_bridge {

/// The blocks of memory of one size that a thread keeps.
template <std::size_t size>
class Kept {
  public:
    static void* take() {
        Here& here = here_;
        Piece* const piece = here.first;
        if (piece == nullptr) return ::operator new(size);
        here.first = piece->next;
        here.count--;
        return piece;
    }

    static void keep(void* memory) {
        Here& here = here_;
        if (here.count == most) {
            ::operator delete(memory);
            return;
        }
        here.first = new (memory) Piece{here.first};
        here.count++;
        if (!here.ends) freeAtEnd();
    }

  private:
    struct Piece {
        Piece* next;
    };

    struct End {
        End() { here_.ends = true; }
        ~End() {
            while (here_.count > 0) ::operator delete(take());
            // From now on the thread keeps nothing, and `keep` frees at once.
            here_.count = most;
        }
    };

    /// Has the blocks freed when the thread ends. A function of its own, called last, because each
    /// access to a thread-local variable is a call.
    static void freeAtEnd() {
        static thread_local const End end;
        static_cast<void>(end);
    }

    /// It has no constructor or destructor, so it may be used until the very end of the thread.
    struct Here {
        Piece* first;
        std::size_t count;
        /// The blocks will be freed when the thread ends.
        bool ends;
    };

    static const std::size_t most = 128;
    static thread_local Here here_;
};

template <std::size_t size>
thread_local typename Kept<size>::Here Kept<size>::here_ = {nullptr, 0, false};

/// The allocator to pass to std::allocate_shared.
template <typename T>
struct Reusing {
    typedef T value_type;

    Reusing() = default;
    template <typename U>
    explicit Reusing(const Reusing<U>&) {}

    T* allocate(std::size_t) { return static_cast<T*>(Kept<sizeof(T)>::take()); }
    void deallocate(T* memory, std::size_t) { Kept<sizeof(T)>::keep(memory); }
};

template <typename T, typename U>
bool operator==(const Reusing<T>&, const Reusing<U>&) {
    return true;
}

template <typename T, typename U>
bool operator!=(const Reusing<T>&, const Reusing<U>&) {
    return false;
}

} // namespace rogue_memory_bridge

#endif
