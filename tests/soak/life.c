/* A client of the soak as the driver sees it; see the header. */
#define _POSIX_C_SOURCE 200809L

#include "life.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MOST 64
#define PARTS_MOST 8

struct figure {
    char name[48];
    uint64_t value;
    bool most;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static struct figure figures[FIGURES_MOST];
static unsigned figure_count, parts_running, parts_good;
static bool ending;
static void (*part_of)(unsigned number);

static struct figure* find(const char* name, bool most) {
    for (unsigned i = 0; i < figure_count; i++)
        if (strcmp(figures[i].name, name) == 0) return &figures[i];
    if (figure_count == FIGURES_MOST) {
        fprintf(stderr, "soak: no room for a figure %s\n", name);
        exit(1);
    }
    struct figure* figure = &figures[figure_count++];
    snprintf(figure->name, sizeof figure->name, "%s", name);
    figure->most = most;
    return figure;
}

void life_count(const char* name, uint64_t count) {
    pthread_mutex_lock(&mutex);
    find(name, false)->value += count;
    pthread_mutex_unlock(&mutex);
}

void life_most(const char* name, uint64_t value) {
    pthread_mutex_lock(&mutex);
    struct figure* figure = find(name, true);
    if (value > figure->value) figure->value = value;
    pthread_mutex_unlock(&mutex);
}

void life_transaction(uint32_t type, const char* outcome, uint64_t elapsed_ms,
                      uint64_t timeout_ms) {
    static const char* const names[] = {"?", "read", "write", "post", "verify"};
    char name[48];
    snprintf(name, sizeof name, "transactions.%s", names[type <= SOAK_VERIFY ? type : 0]);
    life_count(name, 1);
    snprintf(name, sizeof name, "outcomes.%s", outcome);
    life_count(name, 1);
    uint64_t over = elapsed_ms > timeout_ms ? elapsed_ms - timeout_ms : 0;
    life_most("ms-over-deadline", over);
    if (over <= SOAK_LATE_MS) return;
    life_count("late", 1);
    fprintf(stderr, "soak: %s with a timeout of %" PRIu64 " ms took %" PRIu64 " ms: %s\n",
            names[type <= SOAK_VERIFY ? type : 0], timeout_ms, elapsed_ms, outcome);
}

void life_wrong(const char* why) {
    life_count("wrong", 1);
    fprintf(stderr, "soak: wrong: %s\n", why);
}

void life_good(void) {
    pthread_mutex_lock(&mutex);
    if (++parts_good == parts_running) puts("good");
    pthread_mutex_unlock(&mutex);
}

bool life_ending(void) {
    pthread_mutex_lock(&mutex);
    bool now = ending;
    pthread_mutex_unlock(&mutex);
    return now;
}

static void* begin(void* argument) {
    part_of((unsigned)(uintptr_t)argument);
    return NULL;
}

void life_run(unsigned parts, void (*part)(unsigned number)) {
    pthread_t threads[PARTS_MOST];
    char line[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    part_of = part;
    parts_running = parts;
    life_count("wrong", 0);
    for (unsigned i = 0; i < parts; i++) {
        if (pthread_create(&threads[i], NULL, begin, (void*)(uintptr_t)i) == 0) continue;
        fprintf(stderr, "soak: no thread\n");
        exit(1);
    }
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "end\n") != 0) {
    }
    pthread_mutex_lock(&mutex);
    ending = true;
    pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < parts; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < figure_count; i++)
        printf("%s %s %" PRIu64 "\n", figures[i].most ? "most" : "count", figures[i].name,
               figures[i].value);
    puts("over");
    while (fgets(line, sizeof line, stdin) != NULL) {
    }
}
