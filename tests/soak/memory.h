/*
 * The memory behind the servers of the soak: words in a file that the driver made, so that they
 * outlive a server that is killed. A word is written whole or not at all. It knows nothing of
 * messages.
 */
#ifndef RIM_SOAK_MEMORY_H
#define RIM_SOAK_MEMORY_H

#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What the driver tells a server, a line for each. */
struct soak_orders {
    uint32_t delay_us;      /* at most so long is taken over each transaction */
    uint32_t fail_permille; /* of the transactions are refused, but for Posts */
    uint32_t later;         /* 1: complete some later, and out of order; our server alone */
    /* Faults that the clients or what they record must show; 0: none. */
    uint32_t stale_of; /* one of so many reads gives what was there before */
    uint32_t lose_of;  /* one of so many writes and Posts is not carried out */
};

struct soak_memory {
    uint64_t* words;
    uint64_t before[SOAK_MEMORY_BYTES / 8]; /* what each word held before it was last written */
};

/* Of an open file of SOAK_MEMORY_BYTES. A new life of the server begins. */
static inline bool soak_memory_open(struct soak_memory* memory, int file) {
    void* map = mmap(NULL, SOAK_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) return false;
    memory->words = map;
    memory->words[SOAK_LIVES_AT / 8]++;
    return true;
}

/* Whole words inside the memory. */
static inline bool soak_memory_has(uint64_t address, uint32_t size) {
    return address % 8 == 0 && size % 8 == 0 && size <= SOAK_MEMORY_BYTES &&
           address <= SOAK_MEMORY_BYTES - size;
}

/* `chance` is the state of soak_random. */
static inline void soak_memory_read(const struct soak_memory* memory, uint64_t address, void* to,
                                    uint32_t size, const struct soak_orders* orders,
                                    uint64_t* chance) {
    bool stale = orders->stale_of > 0 && address >= SOAK_REGION_BYTES &&
                 address < SOAK_PATTERN_AT && soak_below(chance, orders->stale_of) == 0;
    memcpy(to, (stale ? memory->before : memory->words) + address / 8, size);
}

static inline void soak_memory_write(struct soak_memory* memory, uint64_t address, const void* from,
                                     uint32_t size, const struct soak_orders* orders,
                                     uint64_t* chance) {
    if (orders->lose_of > 0 && soak_below(chance, orders->lose_of) == 0) return;
    for (uint32_t i = 0; i < size / 8; i++) {
        uint64_t word;
        memcpy(&word, (const char*)from + 8 * i, sizeof word);
        memory->before[address / 8 + i] = memory->words[address / 8 + i];
        __atomic_store_n(&memory->words[address / 8 + i], word, __ATOMIC_RELAXED);
    }
}

static inline void soak_take_order(struct soak_orders* orders, const char* line) {
    if (strncmp(line, "delay ", 6) == 0) orders->delay_us = (uint32_t)strtoul(line + 6, NULL, 10);
    if (strncmp(line, "fail ", 5) == 0)
        orders->fail_permille = (uint32_t)strtoul(line + 5, NULL, 10);
    if (strncmp(line, "stale ", 6) == 0) orders->stale_of = (uint32_t)strtoul(line + 6, NULL, 10);
    if (strncmp(line, "lose ", 5) == 0) orders->lose_of = (uint32_t)strtoul(line + 5, NULL, 10);
    if (strncmp(line, "later ", 6) == 0) orders->later = (uint32_t)strtoul(line + 6, NULL, 10);
}

#endif
