// Memory for the objects of one class, kept by each thread for its next ones: a master with many
// transactions outstanding has more of them than an allocator keeps at hand for one size. The Rust
// side does the same with what is behind them (src/bus/transaction/reuse.rs). 64 outstanding take
// 0.94 to 0.98 of the time. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_REUSE_H
#define ROGUE_MEMORY_BRIDGE_REUSE_H

#include <cstddef>
#include <new>

namespace rogue_memory_bridge {

/// What a thread keeps of one size.
template <std::size_t size>
class Kept {
  public:
    static void* take() {
        Piece* const piece = here_.first;
        if (piece == nullptr) return ::operator new(size);
        here_.first = piece->next;
        here_.count--;
        return piece;
    }

    static void keep(void* memory) {
        if (here_.count == most) {
            ::operator delete(memory);
            return;
        }
        // Frees them when the thread ends.
        static thread_local const End end;
        static_cast<void>(end);
        here_.first = new (memory) Piece{here_.first};
        here_.count++;
    }

  private:
    struct Piece {
        Piece* next;
    };

    struct End {
        End() {}
        ~End() {
            while (here_.count > 0) ::operator delete(take());
            // What the thread lets go of from now on is not kept.
            here_.count = most;
        }
    };

    /// Nothing to construct or destroy, so that it may be used until the very end of the thread.
    struct Here {
        Piece* first;
        std::size_t count;
    };

    static const std::size_t most = 128;
    static thread_local Here here_;
};

template <std::size_t size>
thread_local typename Kept<size>::Here Kept<size>::here_ = {nullptr, 0};

/// The allocator that std::allocate_shared is to be given.
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
