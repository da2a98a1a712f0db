/*
 * What many clients do to registers that all of them share: reads, writes, verifies and posts, each
 * recorded (../histories/history.h), so that check-histories can tell afterwards whether there is
 * an order that explains what all of them read. For our clients and the peers alike: nothing here
 * knows the bridge or libzmq. Nobody shares anything when nothing is recorded.
 */
#ifndef RIM_INTEROP_SHARING_H
#define RIM_INTEROP_SHARING_H

#include "../histories/history.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SHARING_AT (UINT64_C(210) << 32) /* a region of no client */
#define SHARING_REGISTERS 128u           /* few, so that clients meet there */
#define SHARING_BATCH 16u                /* transactions under way at once */
#define SHARING_OF 8u                    /* one of so many turns is for them */

struct sharing {
    struct history* history;
    uint64_t random, value; /* the last one that was written */
    uint64_t connection;    /* a number for the one that there is */
    uint64_t count;         /* transactions */
};

struct sharing_step {
    uint32_t type; /* the number of the wire */
    uint64_t address;
    uint64_t word; /* to be written, or where to read to */
    uint64_t begun_ns, ended_ns;
};

/* `region` is the client's own, and makes its values differ from those of all others. */
static inline void sharing_begin(struct sharing* sharing, const char* kind, uint64_t region) {
    char lane[32];
    memset(sharing, 0, sizeof *sharing);
    snprintf(lane, sizeof lane, "%s-%u", kind, (unsigned)region);
    sharing->history = history_open("many", lane);
    sharing->random = region;
    sharing->value = region << 48;
}

static inline void sharing_end(struct sharing* sharing) {
    history_close(sharing->history);
    sharing->history = NULL;
}

static inline uint32_t sharing_below(struct sharing* sharing, uint32_t bound) {
    uint64_t mixed = sharing->random += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((mixed ^ mixed >> 31) % bound);
}

/* How many to do now; mostly none. */
static inline uint32_t sharing_turn(struct sharing* sharing) {
    if (sharing->history == NULL || sharing_below(sharing, SHARING_OF) != 0) return 0;
    return sharing_below(sharing, 2) == 0 ? 1 : 1 + sharing_below(sharing, SHARING_BATCH);
}

/* The next one; `begun_ns` is of now. */
static inline void sharing_next(struct sharing* sharing, struct sharing_step* step) {
    static const uint32_t types[] = {HISTORY_READ,  HISTORY_READ, HISTORY_READ, HISTORY_WRITE,
                                     HISTORY_WRITE, HISTORY_POST, HISTORY_POST, HISTORY_VERIFY};
    step->type = types[sharing_below(sharing, 8)];
    step->address = SHARING_AT + 8 * sharing_below(sharing, SHARING_REGISTERS);
    step->word = UINT64_MAX;
    if (step->type == HISTORY_WRITE || step->type == HISTORY_POST) step->word = ++sharing->value;
    sharing->count++;
    step->begun_ns = step->ended_ns = history_now();
}

/* It succeeded. Those that were under way together are told in the order in which they were asked
 * for. */
static inline void sharing_done(struct sharing* sharing, const struct sharing_step* step) {
    struct history_step done = {step->begun_ns, step->ended_ns, sharing->connection,
                                (uint8_t)step->type, HISTORY_DONE};
    struct history_word word = {step->address, step->word};
    if (step->type == HISTORY_POST) done.outcome = HISTORY_SENT;
    history_add(sharing->history, &done, &word, 1);
}

/* Something else that was asked for since then has been answered. */
static inline void sharing_answered(struct sharing* sharing, uint64_t begun_ns) {
    struct history_step done = {begun_ns, history_now(), sharing->connection, HISTORY_READ,
                                HISTORY_DONE};
    history_add(sharing->history, &done, NULL, 0);
}

#endif
