// Stand-in for Rogue's header of this name: a lock on a transaction's bytes.
#ifndef STANDIN_ROGUE_MEMORY_TRANSACTION_LOCK_H
#define STANDIN_ROGUE_MEMORY_TRANSACTION_LOCK_H
#include "rogue/interfaces/memory/Transaction.h"

namespace rogue {
namespace interfaces {
namespace memory {

class TransactionLock {
    TransactionPtr tran_;
    bool locked_;

  public:
    explicit TransactionLock(TransactionPtr transaction);
    ~TransactionLock();
    void lock();
    void unlock();
};

typedef std::shared_ptr<rogue::interfaces::memory::TransactionLock> TransactionLockPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
