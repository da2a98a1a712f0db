// Stand-in for Rogue's header of this name: one access on the bus. It has the members that the
// bridge looks at, under Rogue's names.
#ifndef STANDIN_ROGUE_MEMORY_TRANSACTION_H
#define STANDIN_ROGUE_MEMORY_TRANSACTION_H
#include "rogue/EnableSharedFromThis.h"

#include <stdint.h>
#include <sys/time.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace rogue {
namespace interfaces {
namespace memory {

class TransactionLock;
class Master;

class Transaction : public rogue::EnableSharedFromThis<rogue::interfaces::memory::Transaction> {
    friend class TransactionLock;
    friend class Master;

    std::condition_variable cond_;

  protected:
    struct timeval timeout_;
    struct timeval endTime_;
    struct timeval startTime_;
    bool pyValid_;
    uint8_t* iter_;
    uint64_t address_;
    uint32_t size_;
    uint32_t type_;
    std::string error_;
    uint32_t id_;
    bool done_;
    std::mutex lock_;
    std::map<uint32_t, std::shared_ptr<Transaction>> subTranMap_;
    bool doneCreatingSubTransactions_;
    bool isSubTransaction_;
    std::weak_ptr<Transaction> parentTransaction_;

    std::string wait();

  public:
    explicit Transaction(struct timeval timeout);
    ~Transaction();
    std::shared_ptr<TransactionLock> lock();
    bool expired();
    uint32_t id();
    uint64_t address();
    uint32_t size();
    uint32_t type();
    std::shared_ptr<Transaction> createSubTransaction();
    void doneSubTransactions();
    void refreshTimer(std::shared_ptr<Transaction> reference);
    void done();
    void errorStr(std::string error);
    uint8_t* begin();

    /// For the tests: makes a piece of this one, as Rogue's hub does.
    std::shared_ptr<Transaction> piece(uint32_t offset, uint32_t size);
};

typedef std::shared_ptr<rogue::interfaces::memory::Transaction> TransactionPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
