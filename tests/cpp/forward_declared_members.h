// The header of a user's class, which includes none of ours: see forward_declared_members.cpp.
#ifndef TESTS_CPP_FORWARD_DECLARED_MEMBERS_H
#define TESTS_CPP_FORWARD_DECLARED_MEMBERS_H

#include <memory>

namespace rogue {
class Logging;
typedef std::shared_ptr<rogue::Logging> LoggingPtr;
namespace interfaces {
namespace memory {
class Master;
class Slave;
class Hub;
class Emulate;
class TcpServer;
class TcpClient;
class Transaction;
class TransactionLock;
// Programs repeat these, too. Ours must name the same types.
typedef std::shared_ptr<Master> MasterPtr;
typedef std::shared_ptr<Slave> SlavePtr;
typedef std::shared_ptr<Hub> HubPtr;
typedef std::shared_ptr<Emulate> EmulatePtr;
typedef std::shared_ptr<TcpServer> TcpServerPtr;
typedef std::shared_ptr<TcpClient> TcpClientPtr;
typedef std::shared_ptr<Transaction> TransactionPtr;
typedef std::shared_ptr<TransactionLock> TransactionLockPtr;
} // namespace memory
} // namespace interfaces
} // namespace rogue

namespace field {

/// May be made, copied, moved and destroyed where our classes are only names.
struct Crate {
    rogue::LoggingPtr log;
    rogue::interfaces::memory::MasterPtr master;
    rogue::interfaces::memory::HubPtr hub;
    rogue::interfaces::memory::EmulatePtr memory;
    rogue::interfaces::memory::TransactionPtr last;
    rogue::interfaces::memory::TransactionLockPtr lock;
    rogue::interfaces::memory::TcpServerPtr server;
    rogue::interfaces::memory::TcpClientPtr client;
};

Crate makeCrate();

/// 0 if the crate works.
int tryOut(const Crate& crate);

} // namespace field

#endif
