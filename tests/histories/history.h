/*
 * Records what a client did, for check-histories, which tells whether it can be explained. One file
 * for each lane: a thread of a client, which adds its transactions in the order in which it asked
 * for them. What is in the file is told in src/record.rs.
 *
 * A register is 8 bytes, and no value is written to it twice. Nothing is recorded unless the
 * environment names a folder in RIM_HISTORIES; all functions take the NULL that comes of it. In
 * RIM_HISTORIES_UNTIL it may say when to stop, as history_now tells the time.
 */
#ifndef RIM_TESTS_HISTORY_H
#define RIM_TESTS_HISTORY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers of the wire. */
enum history_kind { HISTORY_READ = 1, HISTORY_WRITE = 2, HISTORY_POST = 3, HISTORY_VERIFY = 4 };

enum history_outcome {
    HISTORY_DONE = 0,    /* answered */
    HISTORY_REFUSED = 1, /* answered: the slave has not done it */
    HISTORY_SENT = 2,    /* a Post that the client has sent */
    HISTORY_UNKNOWN = 3  /* no answer in time, or the connection was lost */
};

struct history_word {
    uint64_t address, value; /* written or read; of a read that was not answered, nothing counts */
};

struct history_step {
    uint64_t begun_ns, ended_ns; /* history_now before it was asked for, and when it was over */
    uint64_t connection;         /* a number for the one that it went over; 0: not certain */
    uint8_t kind, outcome;
};

struct history;

/* Clocks of processes on one machine agree. */
uint64_t history_now(void);

/* NULL when nothing is to be recorded. `server` is whose registers these are, at most 23 bytes;
 * `lane`, at most 31 bytes, is unique. Ends the program when the file cannot be made. */
struct history* history_open(const char* server, const char* lane);

/* A transaction that is over. One without words tells the rest that an answer has come. */
void history_add(struct history* history, const struct history_step* step,
                 const struct history_word* words, uint32_t count);

/* The file is whole afterwards. Ends the program when it could not be written. */
void history_close(struct history* history);

#ifdef __cplusplus
}
#endif

#endif
