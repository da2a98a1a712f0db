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

/* `count` transactions of all types, one at a time and many at once, each value held against a
 * model of memory that nobody has written to: 4 KiB from `address` on. Prints asked=N. */
bool check_many(struct link* link, uint64_t address, uint32_t count, uint64_t seed);

/* `count` reads, one behind the other, whose responses are left to check_collect. */
bool check_ask(struct link* link, uint64_t address, uint32_t size, uint32_t count);
bool check_collect(struct link* link);

/* Writes of 8 bytes that no other write has, with the tag in front, through losses of the server,
 * until FILE.stop exists. Those that succeeded are lines of the file. Prints done=N lost=N. */
bool check_values(struct link* link, uint64_t address, uint32_t tag, const char* path);

/* Sends what no client should (a name from the usage text, or `all`), then proves that all is still
 * well. */
bool check_bad(struct link* link, const char* kind);

#endif
