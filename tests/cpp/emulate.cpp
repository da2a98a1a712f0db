// rogue/interfaces/memory/Emulate.h
#include "rogue/interfaces/memory/Emulate.h"

#include "rogue/interfaces/memory/Constants.h"

#include "check.h"

#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

std::string access(rim::Master& master, uint64_t address, std::vector<uint8_t>& bytes,
                   uint32_t type) {
    master.clearError();
    master.waitTransaction(
        master.reqTransaction(address, static_cast<uint32_t>(bytes.size()), bytes.data(), type));
    return master.getError();
}

/// A memory that counts what it is asked.
class Counted : public rim::Emulate {
  public:
    Counted() : Emulate(4, 0x1000) {}
    void doTransaction(rim::TransactionPtr tran) override {
        ++count;
        Emulate::doTransaction(tran);
    }
    int count = 0;
};

} // namespace

int main() {
    check::begin();
    const rim::MasterPtr master = rim::Master::create();
    *master >> rim::Emulate::create(4, 0x4000);
    CHECK_EQUAL(master->reqMinAccess(), 4u);
    CHECK_EQUAL(master->reqMaxAccess(), 0x4000u);

    std::vector<uint8_t> bytes(8, 0xEE);
    CHECK_EQUAL(access(*master, 0xFFFFFFFFFFFFFFF8, bytes, rim::Read), "");
    CHECK(bytes == std::vector<uint8_t>(8, 0)); // never written
    // Across three pages.
    std::vector<uint8_t> out(0x2008);
    for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<uint8_t>(i * 7);
    CHECK_EQUAL(access(*master, 0xFFC, out, rim::Write), "");
    std::vector<uint8_t> in(out.size(), 0);
    CHECK_EQUAL(access(*master, 0xFFC, in, rim::Verify), "");
    CHECK(in == out);

    // What it does not take, it names.
    std::vector<uint8_t> two(2), six(6), large(0x4004);
    CHECK(check::contains(access(*master, 0, two, rim::Read), "minimum access of 4"));
    CHECK(check::contains(access(*master, 0, six, rim::Read), "multiple"));
    CHECK(check::contains(access(*master, 2, bytes, rim::Read), "multiple"));
    CHECK(check::contains(access(*master, 0, large, rim::Write), "maximum access of 16384"));
    CHECK(check::contains(access(*master, 0, bytes, 9), "9"));
    CHECK(access(*master, 0xFFFFFFFFFFFFFFFC, bytes, rim::Read) != "");

    const auto counted = std::make_shared<Counted>();
    *master >> counted;
    CHECK_EQUAL(access(*master, 0, bytes, rim::Write), "");
    CHECK_EQUAL(counted->count, 1);
    return check::finish();
}
