/*
 * A client of the soak as it is in the field, on libzmq: one transaction at a time, and many. What
 * must come of it is in model.h; the sockets are in ../interop/peer_link.h.
 */
#define _POSIX_C_SOURCE 200809L

#include "life.h"

#include "../interop/peer_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct link link_;
static struct soak_model model;
static struct soak_step steps[SOAK_BATCH];
static uint64_t bulk[SOAK_BULK_MOST / 8];
static bool good;

/* Counts what came of a transaction, and takes it into the model. */
static void learn(const struct soak_step* step, enum soak_outcome outcome, const char* name,
                  uint64_t begun_ms, uint64_t drops) {
    /* It is on the connection of now unless that has been lost since. */
    uint64_t connection = link_drops(&link_) == drops ? drops + 1 : 0;
    life_transaction(step->type, name, peer_now_ms() - begun_ms, link_.timeout_ms);
    if (!soak_learn(&model, step, outcome, connection)) life_wrong(model.why);
    if (outcome == SOAK_DONE && step->type != SOAK_POST && !good) {
        life_good();
        good = true;
    }
}

/* A response that fits its request: into the step, and what it says. */
static enum soak_outcome take(struct soak_step* step, const struct link_reply* reply) {
    if (!reply->ok) {
        if (strcmp(reply->error, SOAK_REFUSAL) != 0) life_wrong(reply->error);
        return strcmp(reply->error, SOAK_REFUSAL) == 0 ? SOAK_NOT_DONE : SOAK_UNKNOWN;
    }
    if (step->type != SOAK_WRITE) memcpy(step->words, reply->data, step->size);
    return SOAK_DONE;
}

/* The first `count` steps at once; gives the outcome of the last one. */
static enum soak_outcome together(unsigned count) {
    uint32_t ids[SOAK_BATCH];
    enum soak_outcome outcomes[SOAK_BATCH];
    const char* names[SOAK_BATCH];
    uint64_t drops = link_drops(&link_), begun = peer_now_ms();
    uint64_t deadline = begun + link_.timeout_ms;
    unsigned awaited = 0;
    for (unsigned i = 0; i < count; i++) {
        struct soak_step* step = &steps[i];
        ids[i] = link_issue(&link_, step->type != SOAK_POST);
        struct peer_header request = {ids[i], step->address, step->size, step->type};
        if (ids[i] == 0) {
            fprintf(stderr, "soak-peer-client: no memory\n");
            exit(1);
        }
        step->begun_ns = history_now();
        bool sent = link_send(&link_, &request, (const uint8_t*)step->words, deadline);
        step->ended_ns = history_now();
        bool post = step->type == SOAK_POST;
        outcomes[i] = sent && post ? SOAK_DONE : SOAK_UNKNOWN;
        names[i] = !sent ? "peer-not-sent" : post ? "peer-ok" : "peer-timeout";
        if (!sent) link_give_up(&link_, ids[i]);
        if (sent && !post) awaited++;
    }
    while (awaited > 0) {
        struct link_reply reply;
        enum link_result result = link_collect(&link_, deadline, &reply);
        if (result == LINK_NONE && peer_now_ms() >= deadline) break;
        if (result == LINK_WRONG) life_wrong(link_.why);
        if (result != LINK_OK) continue;
        unsigned i = reply.header.id - ids[0];
        steps[i].ended_ns = history_now();
        struct peer_header request = {ids[i], steps[i].address, steps[i].size, steps[i].type};
        if (link_check(&link_, &request, (const uint8_t*)steps[i].words, &reply) == LINK_OK) {
            outcomes[i] = take(&steps[i], &reply);
            names[i] = outcomes[i] == SOAK_DONE ? "peer-ok" : "refused-by-slave";
        } else {
            life_wrong(link_.why);
        }
        link_reply_close(&reply);
        awaited--;
    }
    for (unsigned i = 0; i < count; i++) {
        if (outcomes[i] == SOAK_UNKNOWN && steps[i].type != SOAK_POST) link_give_up(&link_, ids[i]);
        learn(&steps[i], outcomes[i], names[i], begun, drops);
    }
    return outcomes[count - 1];
}

/* Which life the server is in. */
static bool ask_life(void) {
    steps[0] = (struct soak_step){.type = SOAK_READ, .address = SOAK_LIVES_AT, .size = 8};
    steps[0].words = steps[0].own;
    if (together(1) != SOAK_DONE) return false;
    soak_learn_life(&model, steps[0].own[0]);
    return true;
}

static void step(void) {
    static const uint32_t timeouts_ms[] = {50, 200, 1000, 1000, 3000};
    link_.timeout_ms = timeouts_ms[soak_below(&model.random, 5)];
    if (soak_below(&model.random, 40) == 0) {
        ask_life();
        return;
    }
    bool alone = soak_below(&model.random, 2) == 0;
    unsigned count = alone ? 1 : 1 + soak_below(&model.random, SOAK_BATCH);
    soak_next(&model, &steps[0], bulk);
    for (unsigned i = 1; i < count; i++)
        soak_next(&model, &steps[i], NULL);
    together(count);
}

/* Nothing is wrong any more: there must be an answer before long, and every register must hold what
 * it may. */
static void end_well(void) {
    uint64_t begun = peer_now_ms();
    link_.timeout_ms = 2000;
    while (!ask_life() && peer_now_ms() - begun < SOAK_RECOVERY_MS) {
    }
    for (unsigned i = 0; i < SOAK_REGISTERS; i += SOAK_MOST) {
        enum soak_outcome outcome;
        do {
            soak_read(&model, &steps[0], i, SOAK_MOST);
            outcome = together(1);
        } while (outcome != SOAK_DONE && peer_now_ms() - begun < SOAK_RECOVERY_MS);
        if (outcome == SOAK_DONE) continue;
        life_count("hung", 1);
        fprintf(stderr, "soak-peer-client: no good transaction within %u ms\n", SOAK_RECOVERY_MS);
        break;
    }
    soak_read_shared(&steps[0], 0, SOAK_SHARED);
    together(1);
    life_most("ms-to-recover", peer_now_ms() - begun);
    life_count("writes-unknown-at-the-end", soak_open_count(&model));
}

static void run(unsigned number) {
    (void)number;
    while (!life_ending()) {
        step();
        if (soak_below(&model.random, 8) != 0)
            peer_sleep_us(1000 * (uint64_t)soak_below(&model.random, 16));
    }
    end_well();
    soak_end(&model);
}

int main(int argc, char** argv) {
    uint64_t port, region, seed;
    if (argc != 6 || !peer_parse(argv[2], 65534, &port) ||
        !peer_parse(argv[3], SOAK_SHARED_REGION - 1, &region) || region == 0 ||
        !peer_parse(argv[4], UINT64_MAX, &seed)) {
        fprintf(stderr, "usage: soak-peer-client ADDR PORT REGION SEED SERVER/CLIENT\n");
        return 2;
    }
    soak_begin(&model, (unsigned)region, seed, argv[5]);
    if (!link_open(&link_, argv[1], (unsigned)port)) {
        fprintf(stderr, "soak-peer-client: %s\n", link_.why);
        return 1;
    }
    life_run(1, run);
    link_close(&link_);
    return 0;
}
