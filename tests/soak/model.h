/*
 * What a client of the soak believes its registers to hold, and what it asks for next. For our
 * clients and the peers alike: nothing here knows the bridge or libzmq.
 *
 * A register is 8 bytes, one thread of one client alone writes to it, and each value that is
 * written is written once. So a value that is read tells which write it is from, and a write that
 * was carried out twice, or that comes back when another has been seen, is seen to be wrong. A
 * write whose outcome is unknown (no answer in time, a connection lost, a posted write) may have
 * been carried out, or may be later: what a server has received it carries out though its client
 * has gone. It is open until it has been seen, or until it cannot be carried out any more:
 *
 * - A connection keeps the order. When something asked for later on the same connection has been
 *   answered, an open write on it has been carried out, or never will be.
 * - A server counts its lives in a word of its memory, which outlives it. A write that was asked
 * for in one life is not carried out in the next.
 *
 * Besides, all clients of a server write to some registers that they share. The model knows nothing
 * of these. What was done to them, and to some of the others, is recorded (../histories/history.h),
 * and is looked at when all is over.
 */
#ifndef RIM_SOAK_MODEL_H
#define RIM_SOAK_MODEL_H

#include "../histories/history.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The memory: the word that counts lives, a region of registers for each writer, and a pattern that
 * nobody writes to. */
#define SOAK_MEMORY_BYTES (2u << 20)
#define SOAK_REGION_BYTES 4096u
#define SOAK_REGIONS 256u
#define SOAK_PATTERN_AT (1u << 20)
#define SOAK_LIVES_AT 0u

#define SOAK_REGISTERS (SOAK_REGION_BYTES / 8)
#define SOAK_SHARED_REGION (SOAK_REGIONS - 1) /* of no client */
#define SOAK_SHARED 48u     /* registers there that are in use; few, so that clients meet */
#define SOAK_RECORDED_OF 8u /* of as many registers of its own, a client records one */
#define SOAK_OPEN_MOST 12u  /* open writes of a register; one that has more is not written to */
#define SOAK_BATCH 24u      /* transactions under way at once */
#define SOAK_MOST 64u       /* registers of a transaction */
#define SOAK_BULK_MOST (128u << 10) /* bytes of a read of the pattern */

/* An error of this text says that the slave has not done what it was asked for. */
#define SOAK_REFUSAL "soak: refused"

/* The numbers of the wire. */
enum { SOAK_READ = 1, SOAK_WRITE = 2, SOAK_POST = 3, SOAK_VERIFY = 4 };

enum soak_outcome {
    SOAK_DONE,     /* answered; or, of a Post, sent */
    SOAK_NOT_DONE, /* refused by the slave */
    SOAK_UNKNOWN
};

struct soak_open {
    uint64_t value;
    uint64_t connection; /* 0: not known */
    uint64_t life;       /* it is from this life of the server at the latest; 0: not known */
    bool sent;           /* all of it, if the connection lasted */
    bool settled;        /* it will not be carried out any more */
};

struct soak_register {
    uint64_t current;
    unsigned open_count, reserved;
    struct soak_open open[SOAK_OPEN_MOST];
};

struct soak_model {
    uint64_t random;
    uint64_t address; /* of the first register */
    uint64_t written; /* the last value */
    struct soak_register registers[SOAK_REGISTERS];
    uint64_t wrong;
    char why[400]; /* of the last one */
    struct history* history;
};

struct soak_step {
    uint32_t type;
    unsigned first, count; /* registers, or words of the pattern */
    bool pattern, shared;
    uint64_t address;
    uint32_t size;
    uint64_t* words; /* to be written, or where to read to; `own` or the bulk buffer */
    uint64_t own[SOAK_MOST];
    uint64_t begun_ns, ended_ns; /* history_now, by whoever carries it out */
};

uint64_t soak_random(uint64_t* state);
uint32_t soak_below(uint64_t* state, uint32_t bound);

/* What the memory holds at this word of the pattern. */
uint64_t soak_pattern(uint64_t word);

/* Registers that nobody has written to, which are those of `region` (0 is not one). `who` is
 * SERVER/CLIENT, for what is recorded; soak_end completes that. */
void soak_begin(struct soak_model* model, unsigned region, uint64_t seed, const char* who);
void soak_end(struct soak_model* model);

/* The next transaction. With a bulk buffer of SOAK_BULK_MOST bytes it may be a long read of the
 * pattern. */
void soak_next(struct soak_model* model, struct soak_step* step, uint64_t* bulk);

/* A read of registers from `first` on. */
void soak_read(const struct soak_model* model, struct soak_step* step, unsigned first,
               unsigned count);

/* The same of those that are shared. */
void soak_read_shared(struct soak_step* step, unsigned first, unsigned count);

/* What came of a transaction. Those that were under way together are told in the order in which
 * they were asked for. `connection` is the one that it went over, and 0 unless that is certain.
 * False when a value was wrong: model->why tells. */
bool soak_learn(struct soak_model* model, const struct soak_step* step, enum soak_outcome outcome,
                uint64_t connection);

/* The word that counts lives has been read, by a transaction that was under way alone. */
void soak_learn_life(struct soak_model* model, uint64_t life);

/* Writes that are open. */
uint64_t soak_open_count(const struct soak_model* model);

#ifdef __cplusplus
}
#endif

#endif
