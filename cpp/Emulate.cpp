// Emulated memory. The Rust side does the work.
#include "rogue/interfaces/memory/Emulate.h"

#include "access.h"

namespace rmb = rogue_memory_bridge;

namespace rogue_memory_bridge {

struct EmulateState {
    Owned<Emulate> handle;
};

} // namespace rogue_memory_bridge

namespace rogue {
namespace interfaces {
namespace memory {

EmulatePtr Emulate::create(uint32_t min, uint32_t max) {
    return std::make_shared<Emulate>(min, max);
}

Emulate::Emulate(uint32_t min, uint32_t max)
    : Slave(min, max),
      memory_(new rmb::EmulateState{
          rmb::checked("Emulate", [=] { return rmb::emulate_new(min, max); })}) {}

Emulate::~Emulate() = default;

void Emulate::doTransaction(TransactionPtr transaction) {
    rmb::emulate_do_transaction(*memory_->handle, rmb::Access::handle(*transaction));
}

} // namespace memory
} // namespace interfaces
} // namespace rogue
