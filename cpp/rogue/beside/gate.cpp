// The library that is loaded before a stock librogue-core, by LD_PRELOAD or by link order. It has
// the functions of Rogue's TcpServer and TcpClient, by their names. Each calls the function of the
// same name either in this bridge, which is another library beside this one, or in Rogue.
//
// The choice is made when the first of them is called: by then Rogue is loaded, even if that
// happens late, as with Python. This library itself needs nothing of Rogue, so a program without
// Rogue is not disturbed by it.
#include "names.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

enum Function {
#define BRIDGE_NUMBER(name, symbol, Result, parameters, arguments) name,
    BRIDGE_FUNCTIONS(BRIDGE_NUMBER)
#undef BRIDGE_NUMBER
        count
};

const char* const symbols[count] = {
#define BRIDGE_SYMBOL(name, symbol, Result, parameters, arguments) symbol,
    BRIDGE_FUNCTIONS(BRIDGE_SYMBOL)
#undef BRIDGE_SYMBOL
};

/// The function that each one calls.
void* targets[count];

/// The path of the librogue-core that is loaded; empty if none is.
std::string pathOfRogue() {
    std::string path;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* found) {
            const char* slash = std::strrchr(info->dlpi_name, '/');
            const char* name = slash == nullptr ? info->dlpi_name : slash + 1;
            if (std::strncmp(name, "librogue-core", std::strlen("librogue-core")) != 0) return 0;
            *static_cast<std::string*>(found) = info->dlpi_name;
            return 1;
        },
        &path);
    return path;
}

/// The size of the object that `symbol` names in the library; 0 if it has none.
size_t sizeOf(void* library, const char* symbol) {
    void* const place = dlsym(library, symbol);
    Dl_info info;
    void* entry = nullptr;
    if (place == nullptr || dladdr1(place, &info, &entry, RTLD_DL_SYMENT) == 0) return 0;
    return entry == nullptr ? 0 : static_cast<const ElfW(Sym)*>(entry)->st_size;
}

/// Why this Rogue is not the one that the bridge was compiled for; empty if it is, as far as that
/// can be checked without loading the bridge.
std::string strange(void* rogue) {
    const auto version =
        reinterpret_cast<std::string (*)()>(dlsym(rogue, "_ZN5rogue7Version7currentB5cxx11Ev"));
    if (version == nullptr) return "it has no version";
    if (version() != BUILT_FOR_VERSION) {
        return "it is version " + version() + ", and this was built for " BUILT_FOR_VERSION;
    }
    const bool python = dlsym(rogue, "_ZN5rogue10interfaces6memory9SlaveWrapC1Ejj") != nullptr;
    if (python != static_cast<bool>(BUILT_FOR_PYTHON)) {
        return python ? "it was built with Python, and this without"
                      : "it was built without Python, and this with it";
    }
    for (const char* symbol : symbols) {
        if (dlsym(rogue, symbol) == nullptr) return std::string("it has no ") + symbol;
    }
    // names.h relies on which of the two has a virtual base.
    if (dlsym(rogue, "_ZTTN5rogue10interfaces6memory9TcpServerE") != nullptr ||
        dlsym(rogue, "_ZTTN5rogue10interfaces6memory9TcpClientE") == nullptr) {
        return "its TcpServer or TcpClient has other base classes";
    }
    return "";
}

/// Loads the bridge from the folder of this library. Returns null, with the reason in `why`, if
/// that fails or the bridge does not fit.
void* load(void* rogue, std::string& why) {
    Dl_info here;
    if (dladdr(reinterpret_cast<void*>(&pathOfRogue), &here) == 0) {
        why = "it is not known where this library is";
        return nullptr;
    }
    std::string path = here.dli_fname;
    const size_t slash = path.rfind('/');
    path.replace(slash == std::string::npos ? 0 : slash + 1, std::string::npos, BESIDE_LIBRARY);
    void* const bridge = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (bridge == nullptr) {
        why = dlerror();
        return nullptr;
    }
    for (const char* table : {"_ZTVN5rogue10interfaces6memory9TcpServerE",
                              "_ZTVN5rogue10interfaces6memory9TcpClientE"}) {
        if (sizeOf(rogue, table) != sizeOf(bridge, table)) {
            why = "its TcpServer or TcpClient has other virtual functions";
            return nullptr;
        }
    }
    const auto fits = reinterpret_cast<bool (*)()>(dlsym(bridge, "rogue_memory_bridge_fits"));
    if (fits == nullptr || !fits()) {
        why = "the size of its objects is another";
        return nullptr;
    }
    return bridge;
}

void decide() {
    const std::string path = pathOfRogue();
    void* const rogue = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    std::string why;
    void* bridge = nullptr;
    if (rogue == nullptr) {
        why = "there is no librogue-core in the process";
    } else {
        why = strange(rogue);
        if (why.empty()) bridge = load(rogue, why);
    }
    if (bridge == nullptr) {
        std::fprintf(stderr,
                     "rogue-memory-bridge steps aside, and Rogue's own bridge is used: %s%s%s\n",
                     path.c_str(), path.empty() ? "" : ": ", why.c_str());
    }
    void* const library = bridge != nullptr ? bridge : rogue != nullptr ? rogue : RTLD_NEXT;
    for (int i = 0; i < count; ++i)
        targets[i] = dlsym(library, symbols[i]);
}

void* target(Function function) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, decide);
    if (targets[function] == nullptr) {
        std::fprintf(stderr, "rogue-memory-bridge: Rogue has no %s\n", symbols[function]);
        std::abort();
    }
    return targets[function];
}

} // namespace

#define BRIDGE_FORWARD(name, symbol, Result, parameters, arguments)                                \
    __attribute__((visibility("default"))) Result forward_##name parameters __asm__(symbol);       \
    Result forward_##name parameters {                                                             \
        return reinterpret_cast<Result(*) parameters>(target(name)) arguments;                     \
    }
BRIDGE_FUNCTIONS(BRIDGE_FORWARD)
#undef BRIDGE_FORWARD
