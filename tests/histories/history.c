/* Records what a client did; see the header. */
#define _POSIX_C_SOURCE 200809L

#include "history.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES (256u << 10) /* a call of the system for each of these */

struct header {
    char magic[8], server[24], lane[32];
};

/* As it is in the file, followed by `count` words. */
struct record {
    uint64_t begun_ns, ended_ns, connection;
    uint32_t count;
    uint8_t kind, outcome, unused[2];
};

struct history {
    FILE* file;
    uint64_t until_ns;
    bool open; /* there is something recorded that a later answer tells more about */
    char buffer[BUFFER_BYTES];
};

static void fail(const char* what) {
    perror(what);
    exit(1);
}

uint64_t history_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct history* history_open(const char* server, const char* lane) {
    const char* folder = getenv("RIM_HISTORIES");
    struct header header = {.magic = {'R', 'I', 'M', 'H', 'I', 'S', 'T', '1'}};
    char path[4096];
    if (folder == NULL || folder[0] == '\0') return NULL;
    struct history* history = calloc(1, sizeof *history);
    if (history == NULL || strlen(server) >= sizeof header.server ||
        strlen(lane) >= sizeof header.lane ||
        snprintf(path, sizeof path, "%s/%s.history", folder, lane) >= (int)sizeof path) {
        fprintf(stderr, "history: no memory, or a name is too long\n");
        exit(1);
    }
    memcpy(header.server, server, strlen(server));
    memcpy(header.lane, lane, strlen(lane));
    const char* until = getenv("RIM_HISTORIES_UNTIL");
    history->until_ns = until == NULL ? UINT64_MAX : strtoull(until, NULL, 10);
    history->file = fopen(path, "wxe");
    if (history->file == NULL) fail(path);
    setvbuf(history->file, history->buffer, _IOFBF, sizeof history->buffer);
    fwrite(&header, sizeof header, 1, history->file);
    return history;
}

void history_add(struct history* history, const struct history_step* step,
                 const struct history_word* words, uint32_t count) {
    if (history == NULL) return;
    bool answered = step->outcome == HISTORY_DONE || step->outcome == HISTORY_REFUSED;
    bool writes = step->kind == HISTORY_WRITE || step->kind == HISTORY_POST;
    /* What was refused stays in: a reader of its value must be told that it was written. */
    if (!writes && step->outcome != HISTORY_DONE) count = 0;
    /* Of each value that is read the write is there, since it began before the read ended. */
    if ((writes ? step->begun_ns : step->ended_ns) > history->until_ns) return;
    if (count == 0 && !(answered && history->open)) return;
    struct record record = {.begun_ns = step->begun_ns,
                            .ended_ns = step->ended_ns,
                            .connection = step->connection,
                            .count = count,
                            .kind = step->kind,
                            .outcome = step->outcome};
    fwrite(&record, sizeof record, 1, history->file);
    fwrite(words, sizeof *words, count, history->file);
    if (!answered) history->open = true;
    if (answered && step->connection != 0) history->open = false;
}

void history_close(struct history* history) {
    if (history == NULL) return;
    bool whole = ferror(history->file) == 0;
    if (fclose(history->file) != 0 || !whole) fail("history");
    free(history);
}
