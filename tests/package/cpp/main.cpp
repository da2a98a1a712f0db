// A user's program in C++: classes of the library as they are and as bases, an exception across the
// border, and the C interface beside them.

// As programs in the field do, before any header of the library.
namespace rogue {
namespace interfaces {
namespace memory {
class Master;
class TcpClient;
} // namespace memory
} // namespace interfaces
} // namespace rogue

#include "rogue/GeneralError.h"
#include "rogue/Version.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/rim.h"

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

namespace rim = rogue::interfaces::memory;

namespace {

// A hub that counts what passes: reached through a pointer to its second base, by a thunk.
class Counter : public rim::Hub {
  public:
    Counter() : rim::Hub(0x100, 0, 0) {}
    void doTransaction(rim::TransactionPtr transaction) override {
        ++count;
        rim::Hub::doTransaction(transaction);
    }
    int count = 0;
};

int fail(const std::string& what) {
    std::cerr << what << std::endl;
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2 || std::string(argv[1]) != rim_version()) {
        return fail(std::string("the library has version ") + rim_version());
    }

    auto master = rim::Master::create();
    auto counter = std::make_shared<Counter>();
    auto memory = rim::Emulate::create(4, 4096);
    *(*master >> counter) >> memory;

    uint32_t sent = 0x12345678, received = 0;
    master->waitTransaction(master->reqTransaction(0x20, sizeof sent, &sent, rim::Write));
    master->waitTransaction(master->reqTransaction(0x20, sizeof received, &received, rim::Read));
    if (!master->getError().empty()) return fail(master->getError());
    if (received != sent) return fail("another value came back");
    if (counter->count != 2) return fail("the hub was not asked twice");

    try {
        rogue::Version::minVersion("1000.0.0");
        return fail("no exception came");
    } catch (const rogue::GeneralError& error) {
        if (std::string(error.what()).find("1000.0.0") == std::string::npos) {
            return fail(error.what());
        }
    }
    return 0;
}
