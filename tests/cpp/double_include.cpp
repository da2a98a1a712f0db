// Two sources that include everything, in opposite places and twice over, link into one program.
// The other one is double_include_second.cpp.
#include "everything.h"

#include "check.h"

uint32_t secondHalf(const rogue::interfaces::memory::SlavePtr& slave);

int main() {
    check::begin();
    CHECK_EQUAL(secondHalf(rogue::interfaces::memory::Emulate::create(4, 64)), 64u);
    return check::finish();
}
