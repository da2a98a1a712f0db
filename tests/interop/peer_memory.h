/* The emulated memory behind peer_server: bytes at addresses, zero until written. It knows nothing
 * of messages. */
#ifndef RIM_INTEROP_PEER_MEMORY_H
#define RIM_INTEROP_PEER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_memory;

/* `flat_bytes` 0: the whole 64-bit range in pages of 4 KiB, taken at first write. Otherwise: that
 * many bytes, an address being taken modulo them. NULL when there is no memory. */
struct peer_memory* peer_memory_new(uint64_t flat_bytes);
void peer_memory_free(struct peer_memory* memory);

void peer_memory_read(const struct peer_memory* memory, uint64_t address, uint8_t* to, size_t size);

/* False when no further page is to be had; what came before it is written. */
bool peer_memory_write(struct peer_memory* memory, uint64_t address, const uint8_t* from,
                       size_t size);

#endif
