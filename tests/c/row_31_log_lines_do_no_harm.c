/*
 * Log lines do no harm to the program, whatever its stdout is: they raise no signal, nothing waits
 * for them, and what is not taken is dropped, counted, and told when stdout takes lines again.
 *
 * Each case is a child whose stdout is what it says, with memory behind a server and with a client.
 */
#define _POSIX_C_SOURCE 200809L
#define _XOPEN_SOURCE 600
#include "ends.h"

#include <fcntl.h>
#include <sys/un.h>

/* What lines are put into, in the order of `kinds`. */
enum kind { PIPE, SOCKET, TERMINAL, FULL_FILE, KINDS };
static const char* const names[] = {"pipe", "socket", "terminal", "file at its limit"};

/* Time that a call may take beyond its own, on a busy machine; in seconds. */
static const double SLACK = 5;

static void become_stdout(int fd) {
    CHECK(dup2(fd, 1) == 1);
    close(fd);
}

/* Puts a thing that takes nothing in stdout's place, until it is read; returns where to read. */
static int stuck_stdout(enum kind kind) {
    int ends[2];
    if (kind == PIPE) {
        CHECK(pipe(ends) == 0);
    } else if (kind == SOCKET) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    } else {
        ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
        CHECK(ends[0] >= 0 && grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0);
        ends[1] = open(ptsname(ends[0]), O_WRONLY | O_NOCTTY);
        CHECK(ends[1] >= 0);
    }
    become_stdout(ends[1]);
    return ends[0];
}

/* Puts a thing in stdout's place to which nobody can write. */
static void dead_stdout(enum kind kind) {
    static char path[64];
    struct rlimit limit;
    int fd;
    if (kind != FULL_FILE) {
        close(stuck_stdout(kind));
        return;
    }
    snprintf(path, sizeof path, "/tmp/rim-log-%ld", (long)getpid());
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    CHECK(fd >= 0);
    unlink(path);
    become_stdout(fd);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 300;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static uint64_t dropped(void) {
    uint64_t count;
    CHECK_OK(rim_log_dropped(&count));
    return count;
}

/* Somebody who speaks no ZMTP; true if the server has closed the connection. */
static bool stranger(uint16_t port) {
    const struct timeval patience = {PATIENCE / 1000000, 0};
    char request[] = "GET / HTTP/1.0\r\n\r\n0123456789012345678901234567890123456789012345678901";
    char answer[256];
    ssize_t got;
    const int fd = dial(port);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    all(fd, request, sizeof request - 1, true);
    do {
        got = recv(fd, answer, sizeof answer, 0);
    } while (got > 0);
    got = got < 0 && errno == EAGAIN ? 1 : 0;
    close(fd);
    return got == 0;
}

/* Reads with a client and lets strangers knock, with levels at which all of it is logged; with
 * stdout's state unchanged. */
static void work(uint32_t rounds) {
    rim_tcp_server* server;
    rim_tcp_client* client;
    const uint16_t port = serve_memory(&server, NULL);
    uint32_t value, n;
    double begun;
    client = client_of(port);
    for (n = 0; n < rounds; n++) {
        begun = seconds(CLOCK_MONOTONIC);
        CHECK_OK(rim_tcp_client_read(client, 0, &value, 4, PATIENCE));
        CHECK(seconds(CLOCK_MONOTONIC) - begun < SLACK);
        if (n % 10 == 0) {
            CHECK(stranger(port));
        }
    }
    begun = seconds(CLOCK_MONOTONIC);
    rim_tcp_client_free(client);
    rim_tcp_server_stop(server);
    CHECK(seconds(CLOCK_MONOTONIC) - begun < SLACK);
    rim_tcp_server_free(server);
}

static void begin(void) {
    /* As in a program that knows nothing of signals. */
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR && signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
    CHECK_OK(rim_log_set_level(RIM_LOG_DEBUG));
}

/* Nobody reads stdout, or its file has reached its limit. */
static void without_a_reader(void* kind) {
    sigset_t pending;
    begin();
    dead_stdout(*(enum kind*)kind);
    work(30);
    CHECK(dropped() > 30);
    /* Nor does a signal wait for the program. */
    CHECK(sigpending(&pending) == 0);
    CHECK(!sigismember(&pending, SIGPIPE) && !sigismember(&pending, SIGXFSZ));
}

/* All lines that there are in `fd`, of which `max` bytes are kept; it must not have ended. */
static size_t drain(int fd, char* text, size_t max) {
    size_t size = 0;
    ssize_t got;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while ((got = read(fd, text + size, max - 1 - size)) > 0) {
        size += (size_t)got;
        CHECK(size < max - 1);
    }
    CHECK(got < 0 && errno == EAGAIN);
    text[size] = 0;
    return size;
}

/* Whether each line in `text` has the form of one: `<seconds>.<microseconds>:pyrogue.`. */
static void check_lines(const char* text) {
    const char* line;
    for (line = text; *line != 0; line = strchr(line, '\n') + 1) {
        unsigned long s, us;
        int end = -1;
        if (*line == '\r' || *line == '\n') {
            continue; /* a terminal's, or the end of a line that was cut off */
        }
        CHECK(sscanf(line, "%lu.%6lu:pyrogue.%n", &s, &us, &end) == 2);
        CHECK(end > 0 || strstr(line, "did not take") != NULL);
        CHECK(strchr(line, '\n') != NULL);
    }
}

/* How many lines `text` says were dropped. */
static uint64_t told_dropped(const char* text) {
    static const char start[] = "stdout did not take lines of the log: ";
    uint64_t sum = 0;
    while ((text = strstr(text, start)) != NULL) {
        text += sizeof start - 1;
        sum += strtoul(text, NULL, 10);
    }
    return sum;
}

/* stdout is not read: Ctrl-S in a terminal, a collector that hangs. */
static void without_reading(void* kind) {
    static char text[4 << 20];
    const char* last;
    uint64_t before;
    size_t size;
    int reader, flags, n;
    begin();
    reader = stuck_stdout(*(enum kind*)kind);
    /* More than any of them takes. */
    for (n = 0; n < 10000 && dropped() == 0; n++) {
        CHECK_OK(rim_log(RIM_LOG_ERROR, "test", "it is filled with this until it takes no more"));
    }
    CHECK(dropped() > 0);
    work(30);
    before = dropped();
    CHECK(before > 30);
    /* The descriptor is as it was. */
    flags = fcntl(1, F_GETFL);
    CHECK(flags >= 0 && (flags & O_NONBLOCK) == 0);
    size = drain(reader, text, sizeof text);
    CHECK(size > 1000);
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test", "taken again"));
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test", "the last"));
    CHECK(dropped() == before);
    CHECK(drain(reader, text + size, sizeof text - size) > 50);
    /* A short line may have been taken in between, and have told of those before it. */
    CHECK(told_dropped(text) == before);
    last = strstr(text, ":pyrogue.test: taken again");
    CHECK(last != NULL && strstr(last, ":pyrogue.test: the last") != NULL);
    CHECK(strstr(last, "did not take") == NULL);
    check_lines(text);
}

/* What a line is lost for is not a lock: one thread of the program is stuck in stdout itself. */
static void* write_to_stdout(void* unused) {
    static char page[1 << 17];
    memset(page, 'x', sizeof page);
    CHECK(write(1, page, sizeof page) < 0 || true);
    return unused;
}

static void beside_a_stuck_printf(void* kind) {
    pthread_t writing;
    begin();
    stuck_stdout(*(enum kind*)kind);
    CHECK(pthread_create(&writing, NULL, write_to_stdout, NULL) == 0);
    sleep_ms(100);
    work(30);
    _exit(0);
}

/* The order of lines and the program's own output, and the last line before the end. */
static void then_ends(void* unused) {
    (void)unused;
    CHECK(write(1, "first\n", 6) == 6);
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test", "second"));
    CHECK(write(1, "third\n", 6) == 6);
    CHECK_OK(rim_log(RIM_LOG_CRITICAL, "test", "fourth"));
    _exit(0);
}

static void check_order(enum kind kind) {
    static const char* const expected[] = {"first", ":pyrogue.test: second", "third",
                                           ":pyrogue.test: fourth"};
    static char text[4096];
    const char* at = text;
    size_t n, size = 0;
    ssize_t got;
    const int saved = dup(1);
    const int reader = stuck_stdout(kind);
    const pid_t pid = child(then_ends, NULL);
    CHECK(ended(pid) == 0);
    CHECK(dup2(saved, 1) == 1);
    close(saved);
    while ((got = read(reader, text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)got;
    }
    close(reader);
    for (n = 0; n < sizeof expected / sizeof *expected; n++) {
        at = strstr(at, expected[n]);
        CHECK(at != NULL);
    }
}

int main(void) {
    enum kind kind;
    check_begin();
    for (kind = PIPE; kind < KINDS; kind++) {
        fprintf(stderr, "%s\n", names[kind]);
        CHECK(ended(child(without_a_reader, &kind)) == 0);
        if (kind == FULL_FILE) {
            continue;
        }
        CHECK(ended(child(without_reading, &kind)) == 0);
        CHECK(ended(child(beside_a_stuck_printf, &kind)) == 0);
        check_order(kind);
    }
    return 0;
}
