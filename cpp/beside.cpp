// Looks for a real Rogue in the process: when this library is loaded, and again when the first
// slave is made, in case Rogue was loaded later. librim may be loaded beside a Rogue: it is linked
// without the C++ part of the archive, and so without this check.
#include "beside.h"

#include <link.h>
#include <stdio.h>
#include <string.h>

#include <atomic>

namespace rogue_memory_bridge {
namespace {

/// A callback of dl_iterate_phdr. Stops at the first librogue-core, and stores its path.
int isRogueCore(struct dl_phdr_info* library, size_t, void* path) {
    const char* name = library->dlpi_name;
    if (name == nullptr) return 0;
    const char* slash = strrchr(name, '/');
    const char* file = slash == nullptr ? name : slash + 1;
    if (strncmp(file, "librogue-core", strlen("librogue-core")) != 0) return 0;
    *static_cast<const char**>(path) = name;
    return 1;
}

__attribute__((constructor)) void onLoad() { warnBesideRogue(); }

} // namespace

void warnBesideRogue() noexcept {
    static std::atomic<bool> said(false);
    const char* path = nullptr;
    if (dl_iterate_phdr(isRogueCore, &path) == 0 || said.exchange(true)) return;
    fprintf(stderr,
            "librogue-memory-bridge: %s is loaded in this process too, and has the same classes: "
            "neither will work. Beside a real Rogue, use librim.\n",
            path);
}

} // namespace rogue_memory_bridge
