/*
 * A client of the soak as the driver sees it: figures by name, and the lines that it hears and
 * says. What the client does is in the client's main file.
 *
 * It says `good` when each of its parts has had an answer, hears `end`, has a good transaction with
 * everybody, says its figures and `over`, and ends when its standard input does.
 */
#ifndef RIM_SOAK_LIFE_H
#define RIM_SOAK_LIFE_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of a transaction: its timeout may be missed by so much, on a machine that is busy. */
#define SOAK_LATE_MS 20000u
/* When nothing is wrong any more: so long may it take until everything is well. */
#define SOAK_RECOVERY_MS 60000u

/* Adds to a figure. Any thread. */
void life_count(const char* name, uint64_t count);

/* A figure which is the largest that it was given. Any thread. */
void life_most(const char* name, uint64_t value);

/* Counts a transaction: its type, its outcome, and how long it took with which timeout. */
void life_transaction(uint32_t type, const char* outcome, uint64_t elapsed_ms, uint64_t timeout_ms);

/* Counts a wrong value, and says what was wrong. */
void life_wrong(const char* why);

/* One of the client's parts has had an answer. */
void life_good(void);

/* Whether `end` was heard. */
bool life_ending(void);

/* Runs `parts` threads, which get 0 and up, until each has returned, and the talk with the driver.
 * Returns when the driver has closed the standard input. */
void life_run(unsigned parts, void (*part)(unsigned number));

#ifdef __cplusplus
}
#endif

#endif
