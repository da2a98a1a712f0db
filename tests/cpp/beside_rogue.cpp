// A program that has a real librogue-core in it is told so, in one line. Any library will do for it
// here, under that name.
#include "rogue/interfaces/memory/Slave.h"

#include "check.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>

#include <fstream>

int main() {
    check::begin();
    // A copy of the C library's mathematics, wherever that is.
    Dl_info origin;
    void* mathematics = dlopen("libm.so.6", RTLD_NOW);
    CHECK(mathematics != nullptr && dladdr(dlsym(mathematics, "cos"), &origin) != 0);
    char folder[] = "/tmp/beside-rogue-XXXXXX";
    CHECK(mkdtemp(folder) != nullptr);
    const std::string path = std::string(folder) + "/librogue-core.so.6.15.0";
    std::ofstream(path, std::ios::binary)
        << std::ifstream(origin.dli_fname, std::ios::binary).rdbuf();
    CHECK(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr);

    const std::string text = check::written(STDERR_FILENO, [] {
        rogue::interfaces::memory::Slave::create(4, 4);
        rogue::interfaces::memory::Slave::create(4, 4);
    });
    CHECK(check::contains(text, path) && check::contains(text, "librim"));
    CHECK(text.find('\n') == text.size() - 1); // one line

    unlink(path.c_str());
    rmdir(folder);
    return check::finish();
}
