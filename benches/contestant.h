/*
 * What all contestants of the benchmark share: the protocol with the driver (driver/), and the
 * loops that measure. The measured calls are in the contestants, one program each.
 *
 *   PROGRAM server KIND
 *       Prints "ready PORT" and serves until it is killed. Prints "unsupported" if it has no such
 *       server. KIND is one of
 *
 *         words    memory for accesses of 4 bytes
 *         blocks   takes and gives blocks without touching their bytes
 *         late     answers 1 ms after the request, from a thread of its own
 *
 *   PROGRAM client PORT
 *       Connects and prints "ready". Then carries out each line of stdin:
 *
 *         single COUNT             COUNT reads of 4 bytes, one at a time
 *         batch OUTSTANDING COUNT  COUNT reads of 4 bytes: OUTSTANDING requests, then a wait for
 *                                  all of them, and again
 *         read SIZE COUNT          COUNT blocks, one at a time
 *         write SIZE COUNT         the same
 *         clients COUNT            makes itself COUNT clients
 *         sweep COUNT              COUNT reads of 4 bytes: each client sends one request, then a
 *                                  wait for all of them, and again
 *
 *       and answers with one line:
 *
 *         ok SECONDS TRANSACTIONS P50 P99   P50 and P99 in microseconds, 0 but for `single`
 *         unsupported
 *         failed TEXT
 *
 * A word that is read must be BENCH_WORD: a contestant that is fast and wrong has failed.
 *
 * This header is C99 and C++14, so that a contestant is one file and takes one call of the
 * compiler: benches/classes.cpp can also be linked with Rogue (docs/performance.md).
 */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    BENCH_WORD = 0x600df00d,
    BENCH_ADDRESS = 0x1000,
    BENCH_MAX_BLOCK = 16 << 20,
    BENCH_MAX_OUTSTANDING = 10000,
    BENCH_MAX_CLIENTS = 2000,
    BENCH_LATE_US = 1000,
    /* Nothing should fail because the machine is busy. */
    BENCH_TIMEOUT_US = 20000000
};

/* What a contestant can do. A pointer is NULL if it cannot. The functions of a client return
 * bench_fail("...") when something goes wrong. */
typedef struct {
    void (*serve)(const char* kind); /* returns only if it has no server of this kind */
    bool (*connect)(uint16_t port);  /* and tries a transaction */
    bool (*word)(void);
    bool (*batch)(unsigned outstanding);
    bool (*block)(bool write, uint32_t size);
    bool (*clients)(unsigned count);
    bool (*sweep)(void);
} bench_contestant;

/* The memory of blocks. It is written once, so that it is not the system's page of zeros. In every
 * contestant it begins at the same offset in a page, far from the bytes that are sent before it:
 * some processors copy at a fifth of their speed to a place that is, whole pages aside, 1 to 31
 * bytes behind the source (docs/performance.md). */
static unsigned char bench_pages[BENCH_MAX_BLOCK + 4096]
#if defined(__GNUC__)
    __attribute__((aligned(4096)))
#endif
    ;
#define bench_block (bench_pages + 1024)
static uint32_t bench_words[BENCH_MAX_OUTSTANDING];
static char bench_error[400];
static FILE* bench_answers;

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static inline bool
bench_fail(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bench_error, sizeof(bench_error), format, arguments);
    va_end(arguments);
    for (char* c = bench_error; *c != '\0'; c++)
        if (*c == '\n') *c = ' ';
    return false;
}

/* Ends the program if `fine` is false: for servers, and before the measuring begins. */
static inline void bench_must(bool fine, const char* what) {
    if (fine) return;
    fprintf(bench_answers, "failed %s: %s\n", what, bench_error);
    fflush(bench_answers);
    exit(1);
}

static inline void bench_ready(unsigned port) {
    fprintf(bench_answers, "ready %u\n", port);
    fflush(bench_answers);
}

/* A port to try for a server that needs two neighbouring ports, which the system cannot choose. It
 * is below the ports that the system gives to clients. */
static inline uint16_t bench_any_port(void) {
    static unsigned tries;
    if (tries == 0) srand((unsigned)getpid());
    bench_must(tries++ < 200, "no free ports");
    return (uint16_t)(10000 + rand() % 10000 * 2);
}

static inline bool bench_words_fine(unsigned count) {
    for (unsigned n = 0; n < count; n++)
        if (bench_words[n] != BENCH_WORD)
            return bench_fail("read 0x%08x", (unsigned)bench_words[n]);
    return true;
}

static inline double bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline int bench_compare(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

typedef struct {
    double seconds, p50, p99;
    unsigned long transactions;
    bool supported;
} bench_result;

static inline bool bench_single(const bench_contestant* who, unsigned long count,
                                bench_result* result) {
    double* times = (double*)malloc(count * sizeof(*times));
    if (times == NULL) return bench_fail("out of memory");
    bool fine = true;
    for (unsigned long n = 0; n < count && fine; n++) {
        bench_words[0] = 0;
        double begun = bench_now();
        fine = who->word();
        times[n] = bench_now() - begun;
        result->seconds += times[n];
        fine = fine && bench_words_fine(1);
    }
    qsort(times, count, sizeof(*times), bench_compare);
    result->p50 = times[count / 2] * 1e6;
    result->p99 = times[count * 99 / 100] * 1e6;
    result->transactions = count;
    free(times);
    return fine;
}

/* The workloads with `each` transactions at a time: `count` of them in all. */
static inline bool bench_many(const bench_contestant* who, const char* name, unsigned each,
                              unsigned long count, bench_result* result) {
    bool batch = strcmp(name, "batch") == 0, sweep = strcmp(name, "sweep") == 0;
    double begun = bench_now();
    while (result->transactions < count) {
        if (batch || sweep) memset(bench_words, 0, each * sizeof(*bench_words));
        bool fine = batch   ? who->batch(each)
                    : sweep ? who->sweep()
                            : who->block(strcmp(name, "write") == 0, each);
        if (!fine || ((batch || sweep) && !bench_words_fine(each))) return false;
        result->transactions += batch || sweep ? each : 1;
    }
    result->seconds = bench_now() - begun;
    return true;
}

/* Carries out one line from the driver. */
static inline bool bench_do(const bench_contestant* who, const char* line, bench_result* result) {
    static unsigned clients;
    char name[16];
    unsigned long first = 0, second = 0;
    int numbers = sscanf(line, "%15s %lu %lu", name, &first, &second) - 1;
    if (numbers < 1 || first == 0) return bench_fail("not understood: %s", line);
    result->supported = true;
    if (strcmp(name, "single") == 0 && who->word != NULL) return bench_single(who, first, result);
    if (strcmp(name, "batch") == 0 && who->batch != NULL && first <= BENCH_MAX_OUTSTANDING)
        return bench_many(who, name, (unsigned)first, second, result);
    if ((strcmp(name, "read") == 0 || strcmp(name, "write") == 0) && who->block != NULL &&
        first <= BENCH_MAX_BLOCK)
        return bench_many(who, name, (unsigned)first, second, result);
    if (strcmp(name, "clients") == 0 && who->clients != NULL && first <= BENCH_MAX_CLIENTS)
        return who->clients(clients = (unsigned)first);
    if (strcmp(name, "sweep") == 0 && who->sweep != NULL && clients > 0)
        return bench_many(who, name, clients, first, result);
    result->supported = false;
    return true;
}

static inline int bench_client(const bench_contestant* who, uint16_t port) {
    char line[100];
    memset(bench_pages, 0x5a, sizeof(bench_pages));
    bench_must(who->connect(port), "connect");
    bench_ready(port);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        bench_result result = {0, 0, 0, 0, false};
        if (!bench_do(who, line, &result))
            fprintf(bench_answers, "failed %s\n", bench_error);
        else if (!result.supported)
            fprintf(bench_answers, "unsupported\n");
        else
            fprintf(bench_answers, "ok %.9f %lu %.3f %.3f\n", result.seconds, result.transactions,
                    result.p50, result.p99);
        fflush(bench_answers);
    }
    return 0;
}

/* The main function of a contestant. */
static inline int bench_main(int argc, char** argv, const bench_contestant* who) {
    /* Libraries may log to stdout: the driver must not take that for an answer. */
    bench_answers = fdopen(dup(1), "w");
    if (bench_answers == NULL || dup2(2, 1) < 0) return 1;
    /* A thousand clients have two connections each. */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc == 3 && strcmp(argv[1], "server") == 0) {
        memset(bench_pages, 0x5a, sizeof(bench_pages));
        who->serve(argv[2]);
        fprintf(bench_answers, "unsupported\n");
        return fclose(bench_answers) == 0 ? 0 : 1;
    } else if (argc == 3 && strcmp(argv[1], "client") == 0) {
        _exit(bench_client(who, (uint16_t)atoi(argv[2])));
    }
    fprintf(stderr, "usage: %s server words|blocks|late | %s client PORT\n", argv[0], argv[0]);
    return 2;
}

#endif
