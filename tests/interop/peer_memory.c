/* The emulated memory behind peer_server: bytes at addresses, zero until written. It knows nothing
 * of messages. */
#include "peer_memory.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define PAGES_MOST (1u << 18) /* 1 GiB: a test that runs away must not take the machine with it */

struct slot {
    uint64_t number;
    uint8_t* bytes; /* NULL: free slot */
};

struct peer_memory {
    uint8_t* flat;
    uint64_t flat_bytes;
    struct slot* slots; /* open addressing, at most half full */
    size_t capacity;    /* a power of two */
    size_t used;
};

struct peer_memory* peer_memory_new(uint64_t flat_bytes) {
    struct peer_memory* memory = calloc(1, sizeof *memory);
    if (memory == NULL) return NULL;
    memory->flat_bytes = flat_bytes;
    if (flat_bytes > 0) {
        memory->flat = flat_bytes <= SIZE_MAX ? calloc(1, (size_t)flat_bytes) : NULL;
    } else {
        memory->capacity = 64;
        memory->slots = calloc(memory->capacity, sizeof *memory->slots);
    }
    if (memory->flat != NULL || memory->slots != NULL) return memory;
    free(memory);
    return NULL;
}

void peer_memory_free(struct peer_memory* memory) {
    if (memory == NULL) return;
    for (size_t i = 0; i < memory->capacity; i++)
        free(memory->slots[i].bytes);
    free(memory->slots);
    free(memory->flat);
    free(memory);
}

/* The page's slot, or the free one where it would go. */
static struct slot* find(struct slot* slots, size_t capacity, uint64_t number) {
    size_t i = (size_t)((number * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (capacity - 1);
    while (slots[i].bytes != NULL && slots[i].number != number)
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static bool grow(struct peer_memory* memory) {
    size_t capacity = memory->capacity * 2;
    struct slot* slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) return false;
    for (size_t i = 0; i < memory->capacity; i++)
        if (memory->slots[i].bytes != NULL)
            *find(slots, capacity, memory->slots[i].number) = memory->slots[i];
    free(memory->slots);
    memory->slots = slots;
    memory->capacity = capacity;
    return true;
}

static uint8_t* page_to_write(struct peer_memory* memory, uint64_t number) {
    struct slot* slot = find(memory->slots, memory->capacity, number);
    if (slot->bytes != NULL) return slot->bytes;
    if (memory->used == PAGES_MOST) return NULL;
    if (memory->used * 2 >= memory->capacity) {
        if (!grow(memory)) return NULL;
        slot = find(memory->slots, memory->capacity, number);
    }
    slot->bytes = calloc(1, PAGE);
    if (slot->bytes == NULL) return NULL;
    slot->number = number;
    memory->used++;
    return slot->bytes;
}

/* How many of `size` bytes from `offset` on lie before `end`. */
static size_t within(uint64_t end, uint64_t offset, size_t size) {
    return end - offset < size ? (size_t)(end - offset) : size;
}

void peer_memory_read(const struct peer_memory* memory, uint64_t address, uint8_t* to,
                      size_t size) {
    while (size > 0) {
        size_t part;
        if (memory->flat != NULL) {
            uint64_t offset = address % memory->flat_bytes;
            part = within(memory->flat_bytes, offset, size);
            memcpy(to, memory->flat + offset, part);
        } else {
            const uint8_t* page = find(memory->slots, memory->capacity, address / PAGE)->bytes;
            part = within(PAGE, address % PAGE, size);
            if (page != NULL)
                memcpy(to, page + address % PAGE, part);
            else
                memset(to, 0, part);
        }
        address += part; /* past the end of the range it goes on at 0 */
        to += part;
        size -= part;
    }
}

bool peer_memory_write(struct peer_memory* memory, uint64_t address, const uint8_t* from,
                       size_t size) {
    while (size > 0) {
        size_t part;
        if (memory->flat != NULL) {
            uint64_t offset = address % memory->flat_bytes;
            part = within(memory->flat_bytes, offset, size);
            memcpy(memory->flat + offset, from, part);
        } else {
            uint8_t* page = page_to_write(memory, address / PAGE);
            if (page == NULL) return false;
            part = within(PAGE, address % PAGE, size);
            memcpy(page + address % PAGE, from, part);
        }
        address += part;
        from += part;
        size -= part;
    }
    return true;
}
