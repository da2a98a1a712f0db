// Stands in for Rogue's register protocol, which a memory bus has no part in.
#ifndef STANDIN_SRP_V3_H
#define STANDIN_SRP_V3_H

#include "rogue/interfaces/memory/Slave.h"

namespace rogue {
namespace protocols {
namespace srp {

/// A slave that counts the masters' questions.
class SrpV3 : public rogue::interfaces::memory::Slave {
  public:
    static std::shared_ptr<SrpV3> create() {
        ++made();
        return std::make_shared<SrpV3>();
    }

    SrpV3() : Slave(4, 4096) {}

    static int& made() {
        static int count = 0;
        return count;
    }
};

} // namespace srp
} // namespace protocols
} // namespace rogue

#endif
