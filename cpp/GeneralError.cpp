// The exception type; printf formatting of any length.
#include "rogue/GeneralError.h"

#include "format.h"

#include <stdarg.h>

namespace rogue {

GeneralError::GeneralError(std::string src, std::string text)
    : text_(std::make_shared<const std::string>(std::move(src) + ": General Error: " + text)) {}

GeneralError::GeneralError(const GeneralError& other) noexcept = default;

GeneralError& GeneralError::operator=(const GeneralError& other) noexcept = default;

GeneralError::~GeneralError() noexcept = default;

GeneralError GeneralError::create(std::string src, const char* fmt, ...) {
    va_list args;
    va_start(args, fmt);
    std::string text = rogue_memory_bridge::format(fmt, args);
    va_end(args);
    return GeneralError(std::move(src), std::move(text));
}

const char* GeneralError::what() const noexcept { return text_->c_str(); }

} // namespace rogue
