/* The checks of peer_client that take more than one transaction. Each gives false with link.why
 * told. */
#ifndef RIM_INTEROP_PEER_CHECKS_H
#define RIM_INTEROP_PEER_CHECKS_H

#include "peer_link.h"

/* Writes a pattern, reads it back, verifies it, compares both. */
bool check_block(struct link* link, uint64_t address, uint32_t size, uint64_t seed);

/* Blocks of every power of two up to `most`, one byte less and one more, and `most`. */
bool check_sweep(struct link* link, uint64_t address, uint32_t most, uint64_t seed);

/* `count` writes and then as many reads under way at once; their responses may come in any order.
 */
bool check_outstanding(struct link* link, uint64_t address, uint32_t count);

/* Write, read and compare until the time is over, through losses of the server. Uses 64 KiB from
 * `address` on. */
bool check_load(struct link* link, uint64_t address, uint32_t seconds);

/* Sends what no client should (a name from the usage text, or `all`), then proves that all is still
 * well. */
bool check_bad(struct link* link, const char* kind);

#endif
