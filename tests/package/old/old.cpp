// A user's program written for Rogue: memory behind a master. EXPECTED is what find_package said.
#include <rogue/Helpers.h>
#include <rogue/Version.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Emulate.h>
#include <rogue/interfaces/memory/Master.h>

#include <inttypes.h>
#include <stdio.h>

#ifndef NO_PYTHON
#error "a program with Python parts would look for Boost here"
#endif
#ifndef __OPTIMIZE__
#error "a program that names no build type is optimised"
#endif

int main() {
    if (rogue::Version::current() != EXPECTED) {
        printf("the library says %s\n", rogue::Version::current().c_str());
        return 1;
    }
    rogue::interfaces::memory::MasterPtr master = rogue::interfaces::memory::Master::create();
    rogue::interfaces::memory::EmulatePtr memory =
        rogue::interfaces::memory::Emulate::create(4, 4096);
    *master >> memory;

    uint32_t sent = 0x12345678, received = 0;
    master->waitTransaction(
        master->reqTransaction(0x10, 4, &sent, rogue::interfaces::memory::Write));
    master->waitTransaction(
        master->reqTransaction(0x10, 4, &received, rogue::interfaces::memory::Read));
    if (master->getError() != "" || received != sent) {
        printf("0x%" PRIx32 " came back\n", received);
        return 1;
    }
    return 0;
}
