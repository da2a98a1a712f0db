/*
 * One transaction of our client, and what must come of it: the part of our_client.c that its
 * commands have in common.
 */
#ifndef RIM_INTEROP_OUR_TRANSACT_H
#define RIM_INTEROP_OUR_TRANSACT_H

#include "our.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <rogue/rim.h>

struct client {
    const char* host;
    uint16_t port;
    rim_tcp_client* tcp;
    rim_master* master;
    uint64_t timeout_us;
    bool bus;
    bool usage;       /* it was the command line that was wrong */
    char error[1100]; /* of the last transaction */
    char why[2400];   /* what differed */
};

static inline bool failed(struct client* client, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool failed(struct client* client, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(client->why, sizeof client->why, format, arguments);
    va_end(arguments);
    return false;
}

static inline const char* type_name(uint32_t type) {
    static const char* const names[] = {"?", "Read", "Write", "Post", "Verify"};
    return names[type <= RIM_VERIFY ? type : 0];
}

static inline rim_status transact(struct client* client, uint32_t type, uint64_t address,
                                  uint8_t* data, uint32_t size) {
    rim_status status;
    uint32_t id = 0;
    if (client->bus) {
        status = rim_master_request(client->master, address, data, size, type, &id);
        if (status == RIM_STATUS_OK) status = rim_master_wait(client->master, id);
    } else if (type == RIM_READ) {
        status = rim_tcp_client_read(client->tcp, address, data, size, client->timeout_us);
    } else if (type == RIM_VERIFY) {
        status = rim_tcp_client_verify(client->tcp, address, data, size, client->timeout_us);
    } else if (type == RIM_WRITE) {
        status = rim_tcp_client_write(client->tcp, address, data, size, client->timeout_us);
    } else {
        status = rim_tcp_client_post(client->tcp, address, data, size, client->timeout_us);
    }
    snprintf(client->error, sizeof client->error, "%s",
             status == RIM_STATUS_OK ? "" : rim_last_error());
    return status;
}

/* A transaction that must succeed. */
static inline bool demand(struct client* client, uint32_t type, uint64_t address, uint8_t* data,
                          uint32_t size) {
    rim_status status = transact(client, type, address, data, size);
    return status == RIM_STATUS_OK ||
           failed(client, "%s of %u bytes at 0x%" PRIx64 ": %s: %s", type_name(type), size, address,
                  rim_status_name(status), client->error);
}

static inline bool same(struct client* client, const char* what, uint64_t address,
                        const uint8_t* got, const uint8_t* expected, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        if (got[i] != expected[i])
            return failed(client, "%s at 0x%" PRIx64 ": byte %u of %u is %02x, expected %02x", what,
                          address, i, size, got[i], expected[i]);
    return true;
}

/* Reads, into memory that holds the opposite of what is expected, and compares. */
static inline bool read_back(struct client* client, uint32_t type, uint64_t address,
                             const uint8_t* expected, uint32_t size) {
    uint8_t* got = malloc(size);
    if (got == NULL) return failed(client, "no memory for %u bytes", size);
    for (uint32_t i = 0; i < size; i++)
        got[i] = (uint8_t)~expected[i];
    bool held = demand(client, type, address, got, size) &&
                same(client, type_name(type), address, got, expected, size);
    free(got);
    return held;
}

static inline bool block(struct client* client, uint64_t address, uint32_t size, uint64_t seed) {
    uint8_t* pattern = malloc(size);
    if (pattern == NULL) return failed(client, "no memory for %u bytes", size);
    our_pattern(pattern, size, seed);
    bool held = demand(client, RIM_WRITE, address, pattern, size) &&
                read_back(client, RIM_READ, address, pattern, size) &&
                read_back(client, RIM_VERIFY, address, pattern, size);
    free(pattern);
    return held;
}

#endif
