// Stand-in for Rogue's header of this name: the types of transactions.
#ifndef STANDIN_ROGUE_MEMORY_CONSTANTS_H
#define STANDIN_ROGUE_MEMORY_CONSTANTS_H
#include <stdint.h>

namespace rogue {
namespace interfaces {
namespace memory {

static const uint32_t Read = 1;
static const uint32_t Write = 2;
static const uint32_t Post = 3;
static const uint32_t Verify = 4;

} // namespace memory
} // namespace interfaces
} // namespace rogue
#endif
