// The Rust side as the C++ classes see it, and the conversions at the border. Not installed: public
// headers know nothing of cxx.
#ifndef ROGUE_MEMORY_BRIDGE_BRIDGE_H
#define ROGUE_MEMORY_BRIDGE_BRIDGE_H

#include "rogue-memory-bridge/src/bridge.rs.h"
#include "rust/cxx.h"

#include "rogue/GeneralError.h"

#include <string>

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

} // namespace rogue_memory_bridge

#endif
