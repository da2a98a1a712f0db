/* The same as client.cpp, with the C interface alone: `client-c ADDRESS PORT` shows each access,
 * and ends with 0 if every value was right. */
#define _POSIX_C_SOURCE 199309L

#include "rogue/rim.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE (1024u * 1024u)
#define TIMEOUT_US 1000000u

static bool all_right = true;

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void show(const char* what, uint64_t address, const char* sent, const char* received,
                 double took_us, bool right) {
    printf("  %-22s 0x%06" PRIx64 "  %-12s %-12s %8.0f us  %s\n", what, address, sent, received,
           took_us, right ? "ok" : "WRONG");
    all_right = all_right && right;
}

/* Says what went wrong with an access that should have succeeded. */
static bool succeeded(rim_status status) {
    if (status != RIM_STATUS_OK) printf("  %s: %s\n", rim_status_name(status), rim_last_error());
    return status == RIM_STATUS_OK;
}

static const char* hex(char text[16], uint32_t value) {
    snprintf(text, 16, "0x%08" PRIx32, value);
    return text;
}

/* Sums up a block, so that it can be shown (FNV-1a). */
static const char* sum(char text[16], const uint8_t* block, size_t size) {
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < size; ++i)
        sum = (sum ^ block[i]) * 16777619u;
    snprintf(text, 16, "sum %08" PRIx32, sum);
    return text;
}

/* The calls that send a value, and those that bring one. */
typedef rim_status (*sender)(rim_tcp_client*, uint64_t, const void*, size_t, uint64_t);
typedef rim_status (*bringer)(rim_tcp_client*, uint64_t, void*, size_t, uint64_t);

static void send(rim_tcp_client* client, const char* what, sender call, uint64_t address,
                 uint32_t value) {
    char text[16];
    const double start = now_us();
    const rim_status status = call(client, address, &value, sizeof value, TIMEOUT_US);
    const double took = now_us() - start;
    show(what, address, hex(text, value), "-", took, succeeded(status));
}

static void bring(rim_tcp_client* client, const char* what, bringer call, uint64_t address,
                  uint32_t expected) {
    char text[16];
    uint32_t value = 0;
    const double start = now_us();
    const rim_status status = call(client, address, &value, sizeof value, TIMEOUT_US);
    const double took = now_us() - start;
    const bool right = succeeded(status) && value == expected;
    show(what, address, "-", hex(text, value), took, right);
}

static void block(rim_tcp_client* client) {
    char text[16];
    uint8_t* sent = malloc(BLOCK_SIZE);
    uint8_t* received = calloc(BLOCK_SIZE, 1);
    if (sent == NULL || received == NULL) {
        printf("  no memory for a block\n");
        all_right = false;
    } else {
        uint32_t random = 2;
        for (size_t i = 0; i < BLOCK_SIZE; ++i) {
            random = random * 1664525u + 1013904223u;
            sent[i] = (uint8_t)(random >> 24);
        }

        double took = 0, start = now_us();
        rim_status status = rim_tcp_client_write(client, 0x200000, sent, BLOCK_SIZE, TIMEOUT_US);
        took = now_us() - start;
        sum(text, sent, BLOCK_SIZE);
        show("write a block of 1 MiB", 0x200000, text, "-", took, succeeded(status));

        start = now_us();
        status = rim_tcp_client_read(client, 0x200000, received, BLOCK_SIZE, TIMEOUT_US);
        took = now_us() - start;
        bool right = succeeded(status) && memcmp(sent, received, BLOCK_SIZE) == 0;
        sum(text, received, BLOCK_SIZE);
        show("read the block", 0x200000, "-", text, took, right);
    }
    free(sent);
    free(received);
}

static void refused(rim_tcp_client* client) {
    uint32_t value = 0;
    const double start = now_us();
    const rim_status status = rim_tcp_client_read(client, 0x2001, &value, sizeof value, TIMEOUT_US);
    const double took = now_us() - start;
    show("an access that fails", 0x2001, "-", "error", took, status == RIM_STATUS_FAILED);
    printf("    the error says: %s\n", status == RIM_STATUS_OK ? "" : rim_last_error());
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: client-c ADDRESS PORT\n");
        return 2;
    }
    rim_tcp_client* client = NULL;
    if (!succeeded(rim_tcp_client_new(argv[1], (uint16_t)atoi(argv[2]), NULL, &client))) return 1;

    printf("C client, process %ld\n", (long)getpid());
    printf("  %-22s %-8s  %-12s %-12s %11s\n", "access", "address", "written", "came back", "time");
    send(client, "first write, connects", rim_tcp_client_write, 0x2000, 0x87654321);
    bring(client, "read it back", rim_tcp_client_read, 0x2000, 0x87654321);
    bring(client, "verify it", rim_tcp_client_verify, 0x2000, 0x87654321);
    send(client, "posted write", rim_tcp_client_post, 0x2004, 0xfeedf00d);
    bring(client, "read it back", rim_tcp_client_read, 0x2004, 0xfeedf00d);
    block(client);
    refused(client);

    rim_tcp_client_free(client);
    return all_right ? 0 : 1;
}
