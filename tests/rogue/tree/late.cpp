// Loads a library that uses Rogue the way that Python loads an extension module: late, and for
// itself alone. late LIBRARY
#include <dlfcn.h>

#include <cstdio>

int main(int, char** argv) {
    void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    return reinterpret_cast<int (*)()>(dlsym(library, "run"))();
}
