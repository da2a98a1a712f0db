/*
 * What the C tests share: checks that name the place and end the process with 1, and a limit on its
 * life, so that a test which hangs ends too.
 */
#ifndef TESTS_C_CHECK_H
#define TESTS_C_CHECK_H

#ifndef _POSIX_C_SOURCE
#error "define _POSIX_C_SOURCE 200809L before the first include"
#endif

#include "rogue/rim.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the process unless the condition holds. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_failed(__FILE__, __LINE__, #condition);                                          \
        }                                                                                          \
    } while (0)

/* Ends the process unless the call returns this status. */
#define CHECK_STATUS(call, status)                                                                 \
    do {                                                                                           \
        rim_status check_got = (call);                                                             \
        if (check_got != (status)) {                                                               \
            fprintf(stderr, "got %s\n", rim_status_name(check_got));                               \
            check_failed(__FILE__, __LINE__, #call " == " #status);                                \
        }                                                                                          \
    } while (0)

/* Ends the process unless the call succeeds. */
#define CHECK_OK(call) CHECK_STATUS(call, RIM_STATUS_OK)

/* Ends the process unless the last error says this. */
#define CHECK_SAYS(part) CHECK(strstr(rim_last_error(), part) != NULL)

static inline void check_failed(const char* file, int line, const char* what) {
    fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", file, line, what, rim_last_error());
    exit(1);
}

/* To be called first: the process is killed when it takes far longer than it ever should. */
static inline void check_begin(void) { alarm(120); }

static inline void sleep_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

static inline rim_transaction_info info_of(const rim_transaction* transaction) {
    rim_transaction_info info;
    CHECK_OK(rim_transaction_get_info(transaction, &info, sizeof info));
    return info;
}

/* A number that threads count up and wait for. */
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int count;
} counter;

#define COUNTER_INIT                                                                               \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void counter_add(counter* counted) {
    pthread_mutex_lock(&counted->mutex);
    counted->count += 1;
    pthread_cond_broadcast(&counted->changed);
    pthread_mutex_unlock(&counted->mutex);
}

static inline int counter_get(counter* counted) {
    int count;
    pthread_mutex_lock(&counted->mutex);
    count = counted->count;
    pthread_mutex_unlock(&counted->mutex);
    return count;
}

static inline void counter_wait(counter* counted, int count) {
    pthread_mutex_lock(&counted->mutex);
    while (counted->count < count) {
        pthread_cond_wait(&counted->changed, &counted->mutex);
    }
    pthread_mutex_unlock(&counted->mutex);
}

#endif
