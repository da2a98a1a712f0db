// Stand-in for Rogue's header of this name: what carries out transactions.
#ifndef STANDIN_ROGUE_MEMORY_SLAVE_H
#define STANDIN_ROGUE_MEMORY_SLAVE_H
#include "rogue/EnableSharedFromThis.h"

#include <stdint.h>

#include <memory>

namespace rogue {
namespace interfaces {
namespace memory {

class Transaction;

class Slave : public rogue::EnableSharedFromThis<rogue::interfaces::memory::Slave> {
    uint32_t min_;
    uint32_t max_;

  public:
    static std::shared_ptr<Slave> create(uint32_t min, uint32_t max);
    Slave(uint32_t min, uint32_t max);
    virtual ~Slave();
    virtual void stop();
    virtual uint32_t doMinAccess();
    virtual uint32_t doMaxAccess();
    virtual void doTransaction(std::shared_ptr<Transaction> transaction);
};

typedef std::shared_ptr<rogue::interfaces::memory::Slave> SlavePtr;

#ifndef NO_PYTHON
/// Whether it is there tells a Rogue with Python from one without.
class SlaveWrap : public Slave {
  public:
    SlaveWrap(uint32_t min, uint32_t max);
};
#endif

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
