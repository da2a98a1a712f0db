// rogue/interfaces/memory/Constants.h: the numbers are those on the wire.
#include "rogue/interfaces/memory/Constants.h"

#include "check.h"

#include <algorithm>

namespace rim = rogue::interfaces::memory;

int main() {
    check::begin();
    static_assert(rim::Read == 1 && rim::Write == 2 && rim::Post == 3 && rim::Verify == 4, "");
    static_assert(rim::TcpBridgeProbe == 0xFFFFFFFE, "");
    // They can be bound to references.
    CHECK_EQUAL(std::max(rim::Read, rim::Verify), 4u);
    return check::finish();
}
