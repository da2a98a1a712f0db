// Users declare our classes themselves, before any of our headers; that must not make a use of them
// ambiguous.
namespace rogue {
class GeneralError;
class Logging;
class Version;
template <typename T>
class Queue;
template <typename T>
class EnableSharedFromThis;
class GilRelease;
class ScopedGil;
namespace interfaces {
namespace memory {
class Master;
class Slave;
class Transaction;
class TransactionLock;
class Hub;
class Emulate;
class TcpServer;
class TcpClient;
} // namespace memory
} // namespace interfaces
} // namespace rogue

#include "rogue/GeneralError.h"
#include "rogue/GilRelease.h"
#include "rogue/Logging.h"
#include "rogue/Queue.h"
#include "rogue/ScopedGil.h"
#include "rogue/Version.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/interfaces/memory/TransactionLock.h"

#include "check.h"

namespace {

/// As in a header of the user's, where the classes are only names.
struct Holder {
    std::shared_ptr<rogue::interfaces::memory::Master> master;
    std::shared_ptr<rogue::interfaces::memory::Slave> slave;
    std::shared_ptr<rogue::interfaces::memory::Hub> hub;
    rogue::Queue<rogue::interfaces::memory::Transaction*>* queue = nullptr;
};

} // namespace

int main() {
    check::begin();
    using namespace rogue::interfaces::memory;
    using namespace rogue;
    Holder holder;
    holder.master = Master::create();
    holder.slave = Emulate::create(4, 64);
    holder.hub = Hub::create(0x10, 0, 0);
    *(*holder.master >> holder.hub) >> holder.slave;
    CHECK_EQUAL(holder.master->reqAddress(), 0x10u);
    CHECK(Version::greaterThan("1.0.0"));
    return check::finish();
}
