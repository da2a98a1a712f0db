// The Rust side as the C++ classes see it, and the conversions at the border. Not installed: public
// headers know nothing of cxx.
#ifndef ROGUE_MEMORY_BRIDGE_BRIDGE_H
#define ROGUE_MEMORY_BRIDGE_BRIDGE_H

#include "rogue-memory-bridge/src/bridge.rs.h"
#include "rust/cxx.h"

#include "uncancelled.h"

#include "rogue/GeneralError.h"

#include <string>
#include <utility>

namespace rogue_memory_bridge {

/// A string as bytes: the other side takes text of any encoding, whereas rust::Str throws on what
/// is not UTF-8.
inline rust::Slice<const uint8_t> bytes(const std::string& text) {
    return rust::Slice<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

/// Calls `call`, an error of the Rust side becoming a GeneralError noticed in `source`.
template <typename Call>
auto checked(const char* source, Call call) -> decltype(call()) {
    try {
        return call();
    } catch (const rust::Error& error) {
        throw rogue::GeneralError(source, error.what());
    }
}

/// An object of the Rust side. To let go of it may send, close, or log, which is no moment for the
/// thread to be cancelled in: that would unwind frames of Rust.
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
