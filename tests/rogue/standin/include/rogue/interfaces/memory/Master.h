// Stand-in for Rogue's header of this name: a source of transactions.
#ifndef STANDIN_ROGUE_MEMORY_MASTER_H
#define STANDIN_ROGUE_MEMORY_MASTER_H
#include "rogue/Directives.h"

#include <stdint.h>
#include <sys/time.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace rogue {
namespace interfaces {
namespace memory {

class Slave;
class Transaction;

class Master {
    std::map<uint32_t, std::shared_ptr<Transaction>> tranMap_;
    std::shared_ptr<Slave> slave_;
    struct timeval sumTime_;
    std::mutex mastMtx_;
    std::string error_;
#ifdef STANDIN_LARGER_MASTER
    char more_[200];
#endif

  public:
    static std::shared_ptr<Master> create();
    Master();
    virtual ~Master();
    virtual void stop();
    void setSlave(std::shared_ptr<Slave> slave);
    std::string getError();
    void clearError();
    void setTimeout(uint64_t timeout);
    uint32_t reqTransaction(uint64_t address, uint32_t size, void* data, uint32_t type);
    void waitTransaction(uint32_t id);
};

typedef std::shared_ptr<rogue::interfaces::memory::Master> MasterPtr;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
