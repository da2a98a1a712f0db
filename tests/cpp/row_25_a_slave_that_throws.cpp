// Row 25: a slave that throws, whatever it throws, fails its transaction with the exception's text,
// and the server goes on.
#include "rogue/GeneralError.h"
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/Transaction.h"

#include "check.h"

#include <stdexcept>

namespace rim = rogue::interfaces::memory;

namespace {

/// The address says what it throws, if anything.
class Throwing : public rim::Slave {
  public:
    Throwing() : rim::Slave(4, 64) {}

    void doTransaction(rim::TransactionPtr tran) override {
        switch (tran->address()) {
        case 0x10:
            throw std::runtime_error("first %s");
        case 0x20:
            throw rogue::GeneralError("Slave", "second");
        case 0x30:
            throw 3;
        case 0x40:
            // Too late to fail it
            tran->done();
            throw std::logic_error("fourth");
        default:
            tran->done();
        }
    }
};

} // namespace

int main() {
    check::begin();
    uint16_t port = 0;
    const rim::TcpServerPtr server = check::onFreePorts([&](uint16_t at) {
        port = at;
        return rim::TcpServer::create("127.0.0.1", at);
    });
    *server >> std::make_shared<Throwing>();
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    *master >> client;
    master->setTimeout(5000000);

    const auto access = [&](uint64_t address, uint32_t type) {
        uint8_t data[4] = {};
        master->clearError();
        master->waitTransaction(master->reqTransaction(address, sizeof data, data, type));
        return master->getError();
    };
    for (const uint32_t type : {rim::Read, rim::Write, rim::Verify}) {
        CHECK(check::contains(access(0x10, type), "first %s"));
        CHECK(check::contains(access(0x20, type), "Slave: General Error: second"));
        CHECK(check::contains(access(0x30, type), "not a std::exception"));
        CHECK_EQUAL(access(0x40, type), "");
        CHECK_EQUAL(access(0, type), "");
    }
    // A Post has no answer; the server lives on.
    CHECK_EQUAL(access(0x10, rim::Post), "");
    CHECK_EQUAL(access(0, rim::Read), "");
    return check::finish();
}
