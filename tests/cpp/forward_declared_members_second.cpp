// The other part of forward_declared_members.cpp: the user's header comes first, and then all of
// ours.
#include "forward_declared_members.h"

#include "everything.h"

#include "check.h"

namespace field {

namespace rim = rogue::interfaces::memory;

Crate makeCrate() {
    Crate crate;
    crate.log = rogue::Logging::create("field.Crate", true);
    crate.master = rim::Master::create();
    crate.hub = rim::Hub::create(0x100, 0, 0);
    crate.memory = rim::Emulate::create(4, 64);
    *(*crate.master >> crate.hub) >> crate.memory;
    return crate;
}

int tryOut(const Crate& crate) {
    check::begin();
    CHECK_EQUAL(crate.master->reqAddress(), 0x100u);
    CHECK(crate.master->getSlave() == crate.hub);
    CHECK_EQUAL(crate.log->name(), "pyrogue.field.Crate");
    uint32_t out = 3;
    uint32_t in = 0;
    crate.master->waitTransaction(crate.master->reqTransaction(0, 4, &out, rim::Write));
    crate.master->waitTransaction(crate.master->reqTransaction(0, 4, &in, rim::Read));
    CHECK_EQUAL(crate.master->getError(), "");
    CHECK_EQUAL(in, out);
    return check::finish();
}

} // namespace field
