/*
 * A client of the soak on the bridge's C interface: one client object and three threads that use it
 * at the same time, the first one transaction at a time, the second many through a master, the
 * third many with callbacks. Now and then the client object is stopped, or replaced by another one.
 * What must come of it is in model.h.
 */
#define _POSIX_C_SOURCE 200809L

#include "life.h"

#include "../interop/our.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include <rogue/rim.h>

#define PARTS 3u

struct flight {
    struct part* part;
    rim_status status;
    char error[64];
    uint64_t elapsed_ms;
};

struct part {
    struct soak_model model;
    struct soak_step steps[SOAK_BATCH];
    struct flight flights[SOAK_BATCH];
    uint64_t bulk[SOAK_BULK_MOST / 8];
    uint64_t begun_ms, timeout_ms;
    bool good;
    pthread_mutex_t mutex; /* guards what follows, and the flights of callbacks */
    pthread_cond_t changed;
    unsigned landed;
};

static const char* host;
static uint16_t port;
static uint64_t options_seed;
static struct part parts[PARTS];

/* Held for reading while the client object is in use, for writing while it is replaced. */
static pthread_rwlock_t present = PTHREAD_RWLOCK_INITIALIZER;
static rim_tcp_client* tcp;
static rim_master* master;
static uint64_t incarnation;

static void demand(rim_status status, const char* call) {
    if (status == RIM_STATUS_OK) return;
    fprintf(stderr, "soak-client: %s: %s: %s\n", call, rim_status_name(status), rim_last_error());
    exit(1);
}

static void come(void) {
    rim_tcp_client_options options;
    rim_slave* slave = NULL;
    demand(rim_tcp_client_options_init(&options, sizeof options), "options");
    options.keep_alive_us = 1000000 + soak_below(&options_seed, 4) * 1000000;
    options.connect_timeout_us = 500000 + soak_below(&options_seed, 4) * 1000000;
    options.close_on_timeout = soak_below(&options_seed, 2);
    demand(rim_tcp_client_new(host, port, &options, &tcp), "rim_tcp_client_new");
    demand(rim_master_new(&master), "rim_master_new");
    demand(rim_tcp_client_as_slave(tcp, &slave), "rim_tcp_client_as_slave");
    demand(rim_master_set_slave(master, slave), "rim_master_set_slave");
    rim_slave_free(slave);
    incarnation++;
}

static void leave(void) {
    rim_master_free(master);
    rim_tcp_client_free(tcp);
}

/* The connection that there is, if that is certain. Between two of them there is none. */
static uint64_t connection(void) {
    rim_tcp_client_stats stats;
    demand(rim_tcp_client_get_stats(tcp, &stats, sizeof stats), "rim_tcp_client_get_stats");
    if (stats.connects != stats.losses + 1) return 0;
    return incarnation << 32 | stats.connects;
}

static enum soak_outcome judge(struct part* part, const struct soak_step* step, rim_status status,
                               const char* error, uint64_t elapsed_ms) {
    bool refused = status == RIM_STATUS_FAILED && strcmp(error, SOAK_REFUSAL) == 0;
    life_transaction(step->type, refused ? "refused-by-slave" : rim_status_name(status), elapsed_ms,
                     part->timeout_ms);
    if (status == RIM_STATUS_OK) {
        if (!part->good) life_good();
        part->good = true;
        return SOAK_DONE;
    }
    if (refused) return SOAK_NOT_DONE;
    if (status == RIM_STATUS_TIMEOUT || status == RIM_STATUS_STOPPED ||
        status == RIM_STATUS_REFUSED || status == RIM_STATUS_UNREACHABLE ||
        status == RIM_STATUS_SILENT || status == RIM_STATUS_CONNECTION_LOST)
        return SOAK_UNKNOWN;
    char why[300];
    snprintf(why, sizeof why, "an error that nobody made: %s: %.200s", rim_status_name(status),
             error);
    life_wrong(why);
    return SOAK_UNKNOWN;
}

static void learn(struct part* part, const struct soak_step* step, enum soak_outcome outcome,
                  uint64_t before) {
    uint64_t now = connection();
    if (!soak_learn(&part->model, step, outcome, before == now ? now : 0))
        life_wrong(part->model.why);
}

/* One transaction by the client's own call, and its outcome. */
static enum soak_outcome single(struct part* part, struct soak_step* step) {
    static rim_status (*const reads[])(rim_tcp_client*, uint64_t, void*, size_t,
                                       uint64_t) = {rim_tcp_client_read, rim_tcp_client_verify};
    static rim_status (*const writes[])(rim_tcp_client*, uint64_t, const void*, size_t,
                                        uint64_t) = {rim_tcp_client_write, rim_tcp_client_post};
    uint64_t before = connection(), us = part->timeout_ms * 1000;
    bool write = step->type == SOAK_WRITE || step->type == SOAK_POST;
    part->begun_ms = our_now_ms();
    step->begun_ns = history_now();
    rim_status status =
        write ? writes[step->type == SOAK_POST](tcp, step->address, step->words, step->size, us)
              : reads[step->type == SOAK_VERIFY](tcp, step->address, step->words, step->size, us);
    step->ended_ns = history_now();
    enum soak_outcome outcome = judge(part, step, status, status == 0 ? "" : rim_last_error(),
                                      our_now_ms() - part->begun_ms);
    learn(part, step, outcome, before);
    return outcome;
}

static void by_master(struct part* part, unsigned count) {
    uint32_t ids[SOAK_BATCH];
    uint64_t before = connection();
    part->begun_ms = our_now_ms();
    demand(rim_master_set_timeout_us(master, part->timeout_ms * 1000), "rim_master_set_timeout_us");
    for (unsigned i = 0; i < count; i++) {
        struct soak_step* step = &part->steps[i];
        step->begun_ns = history_now();
        demand(
            rim_master_request(master, step->address, step->words, step->size, step->type, &ids[i]),
            "rim_master_request");
    }
    for (unsigned i = 0; i < count; i++) {
        rim_status status = rim_master_wait(master, ids[i]);
        part->steps[i].ended_ns = history_now();
        part->flights[i].status = status;
        part->flights[i].elapsed_ms = our_now_ms() - part->begun_ms;
        snprintf(part->flights[i].error, sizeof part->flights[i].error, "%.63s",
                 status == 0 ? "" : rim_last_error());
    }
    for (unsigned i = 0; i < count; i++) {
        struct flight* flight = &part->flights[i];
        learn(part, &part->steps[i],
              judge(part, &part->steps[i], flight->status, flight->error, flight->elapsed_ms),
              before);
    }
}

static void on_landing(void* user, rim_status status, const char* error) {
    struct flight* flight = user;
    struct part* part = flight->part;
    part->steps[flight - part->flights].ended_ns = history_now();
    flight->status = status;
    flight->elapsed_ms = our_now_ms() - part->begun_ms;
    snprintf(flight->error, sizeof flight->error, "%.63s", error);
    pthread_mutex_lock(&part->mutex);
    part->landed++;
    pthread_cond_signal(&part->changed);
    pthread_mutex_unlock(&part->mutex);
}

static void by_callbacks(struct part* part, unsigned count) {
    uint64_t before = connection();
    unsigned accepted = 0;
    part->begun_ms = our_now_ms();
    part->landed = 0;
    for (unsigned i = 0; i < count; i++) {
        struct soak_step* step = &part->steps[i];
        struct flight* flight = &part->flights[i];
        flight->part = part;
        step->begun_ns = history_now();
        rim_status status =
            rim_tcp_client_request(tcp, step->address, step->words, step->size, step->type,
                                   part->timeout_ms * 1000, on_landing, flight, NULL);
        if (status == RIM_STATUS_OK) accepted++;
        if (status == RIM_STATUS_OK) continue;
        step->ended_ns = history_now();
        flight->status = status;
        flight->elapsed_ms = our_now_ms() - part->begun_ms;
        snprintf(flight->error, sizeof flight->error, "%.63s", rim_last_error());
    }
    pthread_mutex_lock(&part->mutex);
    while (part->landed < accepted)
        pthread_cond_wait(&part->changed, &part->mutex);
    pthread_mutex_unlock(&part->mutex);
    for (unsigned i = 0; i < count; i++) {
        struct flight* flight = &part->flights[i];
        learn(part, &part->steps[i],
              judge(part, &part->steps[i], flight->status, flight->error, flight->elapsed_ms),
              before);
    }
}

/* Which life the server is in. */
static bool ask_life(struct part* part) {
    struct soak_step step = {.type = SOAK_READ, .address = SOAK_LIVES_AT, .size = 8};
    step.words = step.own;
    if (single(part, &step) != SOAK_DONE) return false;
    soak_learn_life(&part->model, step.own[0]);
    return true;
}

static void step(struct part* part, unsigned number) {
    static const uint64_t timeouts_ms[] = {20, 200, 1000, 1000, 3000};
    uint64_t* random = &part->model.random;
    part->timeout_ms = timeouts_ms[soak_below(random, 5)];
    if (soak_below(random, 40) == 0) {
        ask_life(part);
    } else if (number == 0) {
        soak_next(&part->model, &part->steps[0], part->bulk);
        single(part, &part->steps[0]);
    } else {
        unsigned count = 1 + soak_below(random, SOAK_BATCH);
        /* One bulk buffer is there. */
        soak_next(&part->model, &part->steps[0], part->bulk);
        for (unsigned i = 1; i < count; i++)
            soak_next(&part->model, &part->steps[i], NULL);
        if (number == 1)
            by_master(part, count);
        else
            by_callbacks(part, count);
    }
}

/* Under load a stop finds transactions in every state. */
static void replace(struct part* part) {
    if (soak_below(&part->model.random, 2) == 0) {
        pthread_rwlock_rdlock(&present);
        demand(rim_tcp_client_stop(tcp), "rim_tcp_client_stop");
        pthread_rwlock_unlock(&present);
    }
    pthread_rwlock_wrlock(&present);
    leave();
    come();
    pthread_rwlock_unlock(&present);
    life_count("client-objects-replaced", 1);
}

/* Nothing is wrong any more: there must be an answer before long, and every register must hold what
 * it may. */
static void end_well(struct part* part) {
    uint64_t begun = our_now_ms();
    part->timeout_ms = 5000;
    while (!ask_life(part) && our_now_ms() - begun < SOAK_RECOVERY_MS)
        our_sleep_ms(20);
    for (unsigned i = 0; i < SOAK_REGISTERS; i += SOAK_MOST) {
        enum soak_outcome outcome;
        do {
            soak_read(&part->model, &part->steps[0], i, SOAK_MOST);
            outcome = single(part, &part->steps[0]);
        } while (outcome != SOAK_DONE && our_now_ms() - begun < SOAK_RECOVERY_MS);
        if (outcome != SOAK_DONE) {
            life_count("hung", 1);
            fprintf(stderr, "soak-client: no good transaction within %u ms: %s\n", SOAK_RECOVERY_MS,
                    rim_last_error());
            break;
        }
    }
    soak_read_shared(&part->steps[0], 0, SOAK_SHARED);
    single(part, &part->steps[0]);
    life_most("ms-to-recover", our_now_ms() - begun);
    life_count("writes-unknown-at-the-end", soak_open_count(&part->model));
}

static void run(unsigned number) {
    struct part* part = &parts[number];
    while (!life_ending()) {
        pthread_rwlock_rdlock(&present);
        step(part, number);
        pthread_rwlock_unlock(&present);
        if (soak_below(&part->model.random, 8) != 0)
            our_sleep_ms(soak_below(&part->model.random, 16));
        if (number == 0 && soak_below(&part->model.random, 1500) == 0) replace(part);
    }
    pthread_rwlock_rdlock(&present);
    end_well(part);
    pthread_rwlock_unlock(&present);
    soak_end(&part->model);
}

int main(int argc, char** argv) {
    uint64_t at, region, seed;
    if (argc != 6 || !our_parse(argv[2], 65534, &at) ||
        !our_parse(argv[3], SOAK_SHARED_REGION - PARTS, &region) || region == 0 ||
        !our_parse(argv[4], UINT64_MAX, &seed)) {
        fprintf(stderr, "usage: soak-client ADDR PORT FIRST-REGION SEED SERVER/CLIENT\n");
        return 2;
    }
    host = argv[1];
    port = (uint16_t)at;
    options_seed = seed;
    rim_log_set_level(RIM_LOG_CRITICAL);
    for (unsigned i = 0; i < PARTS; i++) {
        soak_begin(&parts[i].model, (unsigned)region + i, seed + i, argv[5]);
        pthread_mutex_init(&parts[i].mutex, NULL);
        pthread_cond_init(&parts[i].changed, NULL);
    }
    come();
    life_run(PARTS, run);
    leave();
    return 0;
}
