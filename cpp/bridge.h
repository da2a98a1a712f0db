// The Rust side as the C++ classes see it, and the conversions between the two. Not installed:
// public headers do not depend on cxx.
#ifndef ROGUE_MEMORY_BRIDGE_BRIDGE_H
#define ROGUE_MEMORY_BRIDGE_BRIDGE_H

#include "rogue-memory-bridge/src/bridge.rs.h"
#include "rust/cxx.h"

#include "uncancelled.h"

#include "rogue/GeneralError.h"

#include <string>
#include <utility>

namespace rogue_memory_bridge {

/// A string as bytes. The Rust side takes text of any encoding; rust::Str would throw if it is not
/// UTF-8.
inline rust::Slice<const uint8_t> bytes(const std::string& text) {
    return rust::Slice<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

/// Calls `call`. An error of the Rust side becomes a GeneralError noticed in `source`.
template <typename Call>
auto checked(const char* source, Call call) -> decltype(call()) {
    try {
        return call();
    } catch (const rust::Error& error) {
        throw rogue::GeneralError(source, error.what());
    }
}

/// Owns an object of the Rust side. Dropping the object may send, close or log. The thread must not
/// be cancelled (pthread_cancel) there: that would unwind frames of Rust.
template <typename T>
class Owned {
  public:
    Owned(rust::Box<T> box) : box_(std::move(box)) {}
    Owned(Owned&& other) = default;
    ~Owned() {
        const Uncancelled uncancelled;
        static_cast<void>(rust::Box<T>::from_raw(box_.into_raw()));
    }

    T& operator*() { return *box_; }

  private:
    rust::Box<T> box_;
};

} // namespace rogue_memory_bridge

#endif
