// The other half of double_include.cpp.
#include "everything.h"

uint32_t secondHalf(const rogue::interfaces::memory::SlavePtr& slave);

uint32_t secondHalf(const rogue::interfaces::memory::SlavePtr& slave) {
    const auto master = rogue::interfaces::memory::Master::create();
    *master >> slave;
    return master->reqMaxAccess();
}
