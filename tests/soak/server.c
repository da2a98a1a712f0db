/*
 * The server of the soak on the bridge's C interface: called by the library, or polled. What it
 * holds is in memory.h. It takes orders on its standard input, and ends when that does, or when it
 * is told to by SIGTERM.
 */
#define _POSIX_C_SOURCE 200809L

#include "memory.h"

#include "../interop/our.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rogue/rim.h>

#define LATER_MOST 16u /* below max_outstanding, or nobody would be left to be served */

static struct soak_memory memory;
static uint64_t lies; /* a soak_random of the thread that carries out transactions */
static volatile sig_atomic_t stopped;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct soak_orders orders;
static rim_transaction* later[LATER_MOST];
static unsigned later_count;
static uint64_t chance;
static bool over;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void demand(rim_status status, const char* call) {
    if (status == RIM_STATUS_OK) return;
    fprintf(stderr, "soak-server: %s: %s: %s\n", call, rim_status_name(status), rim_last_error());
    exit(1);
}

static uint32_t below(uint32_t bound) {
    pthread_mutex_lock(&mutex);
    uint32_t value = soak_below(&chance, bound);
    pthread_mutex_unlock(&mutex);
    return value;
}

/* The transaction may have been given up meanwhile: then nothing is left to do. */
static void complete(rim_transaction* transaction) {
    rim_status status = rim_transaction_done(transaction);
    if (status != RIM_STATUS_EXPIRED) demand(status, "rim_transaction_done");
    rim_transaction_free(transaction);
}

static bool put_off(rim_transaction* transaction, const struct soak_orders* now) {
    pthread_mutex_lock(&mutex);
    bool keep = now->later != 0 && later_count < LATER_MOST && soak_below(&chance, 2) == 0;
    if (keep) later[later_count++] = transaction;
    if (keep) pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    return keep;
}

static void carry_out(void* user, rim_transaction* transaction) {
    rim_transaction_info info;
    size_t locked = 0;
    uint8_t* bytes;
    (void)user;
    demand(rim_transaction_get_info(transaction, &info, sizeof info), "rim_transaction_get_info");
    const uint64_t address = info.address;
    const uint32_t type = info.type;
    pthread_mutex_lock(&mutex);
    struct soak_orders now = orders;
    pthread_mutex_unlock(&mutex);
    if (now.delay_us > 0) {
        uint64_t us = below(now.delay_us);
        struct timespec span = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
        nanosleep(&span, NULL);
    }
    rim_status status = rim_transaction_lock(transaction, &bytes, &locked);
    if (status == RIM_STATUS_EXPIRED) {
        rim_transaction_free(transaction);
        return;
    }
    demand(status, "rim_transaction_lock");
    const uint32_t size = (uint32_t)locked;
    bool write = type == RIM_WRITE || type == RIM_POST;
    if (!soak_memory_has(address, size) || (write && address >= SOAK_PATTERN_AT)) {
        fprintf(stderr, "soak-server: type %u of %u bytes at 0x%llx\n", type, size,
                (unsigned long long)address);
        exit(1);
    }
    if (type != RIM_POST && now.fail_permille > 0 && below(1000) < now.fail_permille) {
        status = rim_transaction_fail(transaction, SOAK_REFUSAL);
        if (status != RIM_STATUS_EXPIRED) demand(status, "rim_transaction_fail");
        rim_transaction_free(transaction);
        return;
    }
    if (write)
        soak_memory_write(&memory, address, bytes, size, &now, &lies);
    else
        soak_memory_read(&memory, address, bytes, size, &now, &lies);
    demand(rim_transaction_unlock(transaction), "rim_transaction_unlock");
    if (!put_off(transaction, &now)) complete(transaction);
}

/* Completes what was put off, in any order. */
static void* complete_later(void* argument) {
    (void)argument;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (later_count == 0 && !over)
            pthread_cond_wait(&changed, &mutex);
        if (later_count == 0) break;
        unsigned pick = soak_below(&chance, later_count);
        rim_transaction* transaction = later[pick];
        later[pick] = later[--later_count];
        uint32_t ms = soak_below(&chance, 4);
        pthread_mutex_unlock(&mutex);
        our_sleep_ms(ms);
        complete(transaction);
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void* take_orders(void* argument) {
    char line[64];
    (void)argument;
    while (fgets(line, sizeof line, stdin) != NULL) {
        pthread_mutex_lock(&mutex);
        soak_take_order(&orders, line);
        pthread_mutex_unlock(&mutex);
    }
    stopped = 1;
    return NULL;
}

static void serve(rim_tcp_server* server, bool polled) {
    rim_transaction* transaction;
    rim_slave* slave;
    if (polled) {
        while (stopped == 0) {
            rim_status status = rim_tcp_server_next(server, 20000, &transaction);
            if (status == RIM_STATUS_TIMEOUT) continue;
            demand(status, "rim_tcp_server_next");
            carry_out(NULL, transaction);
        }
        return;
    }
    demand(rim_slave_new(8, 0, carry_out, NULL, NULL, &slave), "rim_slave_new");
    demand(rim_tcp_server_set_slave(server, slave), "rim_tcp_server_set_slave");
    rim_slave_free(slave);
    while (stopped == 0)
        our_sleep_ms(20);
}

int main(int argc, char** argv) {
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t completing, listening;
    rim_tcp_server_options limits;
    rim_tcp_server* server = NULL;
    uint64_t port, file, polled;
    uint16_t bound = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 5 || !our_parse(argv[1], 65534, &port) || !our_parse(argv[2], 1 << 20, &file) ||
        !our_parse(argv[3], UINT64_MAX, &chance) || !our_parse(argv[4], 1, &polled) ||
        !soak_memory_open(&memory, (int)file)) {
        fprintf(stderr, "usage: soak-server PORT FILE-DESCRIPTOR SEED POLLED\n");
        return 2;
    }
    lies = ~chance;
    sigaction(SIGTERM, &action, NULL);
    rim_log_set_level(RIM_LOG_CRITICAL);
    demand(rim_tcp_server_options_init(&limits, sizeof limits), "rim_tcp_server_options_init");
    limits.keep_alive_us = 2000000;
    limits.min_access = 8;
    limits.drop_after_close = soak_below(&chance, 2);
    rim_status status = rim_tcp_server_new("127.0.0.1", (uint16_t)port, &limits, &server);
    if (status != RIM_STATUS_OK) {
        fprintf(stderr, "soak-server: %s\n", rim_last_error());
        return 3;
    }
    demand(rim_tcp_server_port(server, &bound), "rim_tcp_server_port");
    if (pthread_create(&completing, NULL, complete_later, NULL) != 0 ||
        pthread_create(&listening, NULL, take_orders, NULL) != 0)
        return 1;
    printf("ready %u\n", (unsigned)bound);
    serve(server, polled != 0);
    pthread_mutex_lock(&mutex);
    over = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    pthread_join(completing, NULL);
    rim_tcp_server_free(server);
    return 0; /* the thread that listens goes with the process */
}
