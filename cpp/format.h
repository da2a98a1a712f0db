// printf formatting into a string, for the variadic methods of the public classes. Not installed.
#ifndef ROGUE_MEMORY_BRIDGE_FORMAT_H
#define ROGUE_MEMORY_BRIDGE_FORMAT_H

#include <stdarg.h>
#include <stdio.h>

#include <string>

namespace rogue_memory_bridge {

/// The text that `fmt` and `args` make, of any length. A null or broken format makes a text that
/// says so. `args` is used up, as by va_arg; the caller still calls va_end.
inline std::string format(const char* fmt, va_list args) {
    if (fmt == nullptr) return "(null format)";
    va_list again;
    va_copy(again, args);
    char small[256];
    const int length = vsnprintf(small, sizeof small, fmt, args);
    std::string text;
    if (length < 0) {
        text = "(bad format)";
    } else if (static_cast<size_t>(length) < sizeof small) {
        text.assign(small, static_cast<size_t>(length));
    } else {
        text.resize(static_cast<size_t>(length) + 1);
        vsnprintf(&text[0], text.size(), fmt, again);
        text.resize(static_cast<size_t>(length));
    }
    va_end(again);
    return text;
}

} // namespace rogue_memory_bridge

#endif
