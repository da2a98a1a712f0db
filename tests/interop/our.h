/*
 * What our two ends of the interoperation tests share: numbers and patterns of the command line,
 * and time. How to use the bridge is in our_server.c and our_client.c.
 */
#ifndef RIM_INTEROP_OUR_H
#define RIM_INTEROP_OUR_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Decimal or 0x-prefixed, at most `most`; false when the text is anything else. */
static inline bool our_parse(const char* text, uint64_t most, uint64_t* value) {
    bool hex = strncmp(text, "0x", 2) == 0;
    const char* digits = hex ? text + 2 : text;
    /* Of what strtoull takes besides digits (blanks, signs), nothing is meant here. */
    size_t length = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    if (length == 0 || digits[length] != '\0') return false;
    errno = 0;
    unsigned long long parsed = strtoull(digits, NULL, hex ? 16 : 10);
    if (errno != 0 || parsed > most) return false;
    *value = parsed;
    return true;
}

/* Pairs of hex digits into memory of the caller's to free; NULL when the text is anything else. */
static inline uint8_t* our_parse_hex(const char* text, uint32_t* size) {
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    if (length == 0 || length % 2 != 0 || length > 1u << 20 || text[length] != '\0') return NULL;
    uint8_t* bytes = malloc(length / 2);
    if (bytes == NULL) return NULL;
    for (size_t i = 0; i < length / 2; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *size = (uint32_t)(length / 2);
    return bytes;
}

/* Bytes in which neither a shift nor a swap goes unseen; the same for the same seed. */
static inline void our_pattern(uint8_t* to, size_t size, uint64_t seed) {
    for (uint64_t i = 0; i < size; i++) {
        uint64_t mixed = (i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ (seed << 20);
        mixed = (mixed ^ mixed >> 31) * UINT64_C(0xBF58476D1CE4E5B9);
        to[i] = (uint8_t)(mixed >> 56);
    }
}

static inline uint64_t our_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void our_sleep_ms(uint64_t milliseconds) {
    struct timespec span = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
    nanosleep(&span, NULL);
}

#endif
