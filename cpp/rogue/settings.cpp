// Reads the environment.
#include "settings.h"

#include "rogue/GeneralError.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace rogue_memory_bridge RMB_HIDDEN {
namespace {

/// Sets `value` to the number in the variable, if the variable is set and not empty.
void take(const char* name, size_t& value) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0') return;
    char* end = nullptr;
    errno = 0;
    const unsigned long long number = std::strtoull(text, &end, 10);
    const bool digits = *text >= '0' && *text <= '9' && *end == '\0';
    if (!digits || errno != 0 || number == 0 || number > SIZE_MAX) {
        throw rogue::GeneralError("memory::TcpServer", std::string("The environment variable ") +
                                                           name + " is \"" + text +
                                                           "\", not a whole number of at least 1");
    }
    value = static_cast<size_t>(number);
}

} // namespace

rim_tcp_server_options serverOptions() {
    rim_tcp_server_options options;
    if (rim_tcp_server_options_init(&options, sizeof options) != RIM_STATUS_OK) {
        throw rogue::GeneralError("memory::TcpServer", rim_last_error());
    }
    take("ROGUE_MEMORY_BRIDGE_OUTSTANDING", options.max_outstanding);
    take("ROGUE_MEMORY_BRIDGE_MAX_TRANSACTION", options.max_transaction);
    // The slave's own access sizes are checked instead.
    options.min_access = 1;
    return options;
}

} // namespace RMB_HIDDEN
