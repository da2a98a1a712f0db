/*
 * Lines that strangers cause: a storm gives a few and the count of the others, and hides no line
 * about something else. What cannot be accepted is one line and a count.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

enum { STRANGERS = 3000 };

/* Lines with a text, and what they stand for with those that were left out before them. */
typedef struct {
    const char* text;
    int lines;
    int told;
} tally;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static tally not_zmtp = {"or no ZMTP at all", 0, 0};
static tally old_version = {"speaks ZMTP 2.0", 0, 0};
static tally cannot_accept = {"Cannot accept a connection", 0, 0};

static void count(tally* of, const char* text) {
    const char* left_out = strrchr(text, '(');
    int more = 0;
    if (strstr(text, of->text) == NULL) {
        return;
    }
    if (left_out != NULL && sscanf(left_out, "(%d line", &more) != 1) {
        more = 0;
    }
    of->lines += 1;
    of->told += 1 + more;
}

static void hear(void* unused, uint32_t level, const char* name, const char* text) {
    (void)unused;
    (void)level;
    (void)name;
    CHECK(pthread_mutex_lock(&guard) == 0);
    count(&not_zmtp, text);
    count(&old_version, text);
    count(&cannot_accept, text);
    fprintf(stderr, "%s\n", text);
    CHECK(pthread_mutex_unlock(&guard) == 0);
}

static tally look(const tally* at) {
    tally now;
    CHECK(pthread_mutex_lock(&guard) == 0);
    now = *at;
    CHECK(pthread_mutex_unlock(&guard) == 0);
    return now;
}

/* Sends something, and waits until the server has closed the connection. */
static void stranger(uint16_t port, const void* bytes, size_t size) {
    static char copy[64], answer[256];
    const int fd = dial(port);
    memcpy(copy, bytes, size);
    all(fd, copy, size, true);
    while (recv(fd, answer, sizeof answer, 0) > 0) {
    }
    close(fd);
}

static void a_storm(void* unused) {
    static const uint8_t old_greeting[64] = {0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 1};
    rim_tcp_server* server;
    tally now;
    uint16_t port;
    int n;
    double begun, took;
    (void)unused;
    CHECK_OK(rim_log_set_level(RIM_LOG_WARNING));
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_log_set_sink(hear, NULL, NULL));
    port = serve_memory(&server, NULL);
    begun = seconds(CLOCK_MONOTONIC);
    for (n = 0; n < STRANGERS; n++) {
        stranger(port, "GET / HTTP/1.0\r\n\r\n", 18);
        if (n == STRANGERS / 2) {
            stranger(port, old_greeting, sizeof old_greeting);
            while (look(&old_version).lines == 0) {
                sleep_ms(1);
            }
            now = look(&old_version);
            CHECK(now.lines == 1 && now.told == 1);
        }
    }
    /* The last count comes by itself. */
    while (look(&not_zmtp).told < STRANGERS) {
        sleep_ms(20);
        CHECK(seconds(CLOCK_MONOTONIC) - begun < 100);
    }
    took = seconds(CLOCK_MONOTONIC) - begun;
    now = look(&not_zmtp);
    CHECK(now.told == STRANGERS);
    CHECK(now.lines >= 6 && now.lines <= 6 + (int)took);
    /* One that comes when the storm is over is not held back. */
    sleep_ms(1100);
    stranger(port, "GET / HTTP/1.0\r\n\r\n", 18);
    for (n = 0; n < 1000 && look(&not_zmtp).told == STRANGERS; n++) {
        sleep_ms(10);
    }
    CHECK(look(&not_zmtp).told == STRANGERS + 1);
    rim_tcp_server_free(server);
}

/* Peers, in a process of their own. */
static void knock(void* port) {
    int n;
    for (n = 0; n < 50; n++) {
        dial(*(uint16_t*)port);
    }
    for (;;) {
        pause();
    }
}

static void without_descriptors(void* ports) {
    rim_tcp_server* server;
    struct rlimit limit;
    tally now;
    uint16_t port;
    int n;
    CHECK_OK(rim_log_set_level(RIM_LOG_WARNING));
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_log_set_sink(hear, NULL, NULL));
    port = serve_memory(&server, NULL);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 20;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(write(((int*)ports)[1], &port, sizeof port) == sizeof port);
    for (n = 0; n < 1000 && look(&cannot_accept).lines == 0; n++) {
        sleep_ms(10);
    }
    sleep_ms(1500);
    now = look(&cannot_accept);
    CHECK(now.lines == 1 && now.told == 1);
    rim_tcp_server_stop(server);
    now = look(&cannot_accept);
    CHECK(now.lines == 2 && now.told > 5);
    rim_tcp_server_free(server);
}

int main(void) {
    int ports[2];
    uint16_t port;
    pid_t serving, knocking;
    check_begin();
    CHECK(ended(child(a_storm, NULL)) == 0);
    CHECK(pipe(ports) == 0);
    serving = child(without_descriptors, ports);
    CHECK(read(ports[0], &port, sizeof port) == sizeof port);
    knocking = child(knock, &port);
    CHECK(ended(serving) == 0);
    CHECK(kill(knocking, SIGKILL) == 0 && waitpid(knocking, NULL, 0) == knocking);
    return 0;
}
