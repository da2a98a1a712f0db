/*
 * Ten thousand servers, clients, and pairs of both that talk, made and freed again: no memory, no
 * threads and no descriptors stay behind.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <malloc.h>

enum {
    CYCLES = 10000,
    /* As many come first, so that what is made once is there. */
    WARM = 500,
    /* Bytes that may be in use more after the cycles than before: 13 for each cycle. */
    BOUND = 128 << 10
};

static uint16_t closed_port;

static void a_server(void) {
    rim_tcp_server* server;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    rim_tcp_server_free(server);
}

static void a_client(void) { rim_tcp_client_free(client_of(closed_port)); }

static void both(void) {
    rim_tcp_server* server;
    rim_tcp_client* client = client_of(serve_memory(&server, NULL));
    uint32_t word;
    CHECK_OK(rim_tcp_client_read(client, 0, &word, 4, PATIENCE));
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
}

typedef struct {
    size_t bytes;
    int threads, descriptors;
} held;

static held look(void) {
    held now = {0, 0, 0};
    struct mallinfo2 info;
    int n, more;
    /* A thread that has been joined may be listed a moment longer; one that is left ends by itself.
     */
    now.threads = threads();
    for (n = 0; n < 200 && now.threads > 1; n++) {
        sleep_ms(10);
        more = threads();
        now.threads = more < now.threads ? more : now.threads;
    }
    now.descriptors = descriptors();
    info = mallinfo2();
    now.bytes = info.uordblks + info.hblkhd;
    return now;
}

static void cycle(const char* what, void (*once)(void)) {
    held before, after;
    double begun = seconds(CLOCK_MONOTONIC), work = seconds(CLOCK_PROCESS_CPUTIME_ID);
    int n;
    for (n = 0; n < WARM; n++) {
        once();
    }
    before = look();
    for (n = 0; n < CYCLES; n++) {
        once();
    }
    after = look();
    printf("%s: %zu bytes, %d threads, %d descriptors; then %zu, %d, %d (%.1f s, %.1f s of work)\n",
           what, before.bytes, before.threads, before.descriptors, after.bytes, after.threads,
           after.descriptors, seconds(CLOCK_MONOTONIC) - begun,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - work);
    CHECK(after.threads == before.threads && after.threads == 1);
    CHECK(after.descriptors == before.descriptors);
    CHECK(after.bytes < before.bytes + BOUND);
}

int main(void) {
    rim_tcp_server* server;
    check_begin();
    /* On a machine that has other things to do this takes its time. */
    alarm(600);
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &closed_port));
    rim_tcp_server_free(server);
    cycle("servers", a_server);
    cycle("clients", a_client);
    cycle("both", both);
    return 0;
}
