/* RIM_LOG in the environment: levels without the program's help; and stderr, where lines carry
 * theirs. */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

/* What a child wrote to stdout and stderr. */
static char out[65536], err[65536];

static void collect(int fd, char* text, size_t max) {
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, text + size, max - 1 - size)) > 0) {
        size += (size_t)got;
    }
    text[size] = 0;
    close(fd);
}

/* Runs a child with RIM_LOG set to a value, or without it. */
static void run(const char* value, void (*what)(void*)) {
    int outs[2], errs[2], saved[2];
    pid_t pid;
    CHECK(pipe(outs) == 0 && pipe(errs) == 0);
    CHECK(value == NULL ? unsetenv("RIM_LOG") == 0 : setenv("RIM_LOG", value, 1) == 0);
    saved[0] = dup(1);
    saved[1] = dup(2);
    CHECK(dup2(outs[1], 1) == 1 && dup2(errs[1], 2) == 2);
    pid = child(what, NULL);
    CHECK(dup2(saved[0], 1) == 1 && dup2(saved[1], 2) == 2);
    close(outs[1]);
    close(errs[1]);
    close(saved[0]);
    close(saved[1]);
    collect(outs[0], out, sizeof out);
    collect(errs[0], err, sizeof err);
    fprintf(stderr, "RIM_LOG=%s\nstdout: %sstderr: %s", value != NULL ? value : "(none)", out, err);
    CHECK(ended(pid) == 0);
}

/* A line of each logger at each level. */
static void log_some(void) {
    CHECK_OK(rim_log(RIM_LOG_ERROR, "test.A", "error"));
    CHECK_OK(rim_log(RIM_LOG_INFO, "test.A", "info"));
    CHECK_OK(rim_log(RIM_LOG_DEBUG, "test.A", "debug"));
    CHECK_OK(rim_log(RIM_LOG_INFO, "test.B", "info"));
    CHECK_OK(rim_log(33, "test.B", "between"));
}

static void as_it_is(void* unused) {
    (void)unused;
    log_some();
}

/* The program knows better. */
static void set_by_the_program(void* unused) {
    (void)unused;
    CHECK_OK(rim_log_set_level(RIM_LOG_CRITICAL));
    CHECK_OK(rim_log_set_filter("test.A", RIM_LOG_INFO));
    log_some();
}

static void to_stderr(void* unused) {
    (void)unused;
    CHECK_OK(rim_log_set_stderr(true));
    CHECK_OK(rim_log_set_stdout(false));
    log_some();
}

static void to_both(void* unused) {
    (void)unused;
    CHECK_OK(rim_log_set_stderr(true));
    log_some();
}

static void to_neither(void* unused) {
    (void)unused;
    CHECK_OK(rim_log_set_stdout(false));
    log_some();
}

/* A client that comes and goes. */
static void serve(void* unused) {
    rim_tcp_server* server;
    rim_tcp_client* client;
    (void)unused;
    client = client_of(serve_memory(&server, NULL));
    exchange(client, 5);
    rim_tcp_client_free(client);
    sleep_ms(300);
    rim_tcp_server_free(server);
}

static bool has(const char* text, const char* part) { return strstr(text, part) != NULL; }

static int lines(const char* text) {
    int count = 0;
    for (; *text != 0; text++) {
        count += *text == '\n';
    }
    return count;
}

int main(void) {
    check_begin();
    /* Rogue's form, to the letter. */
    run(NULL, as_it_is);
    CHECK(lines(out) == 1 && has(out, ":pyrogue.test.A: error\n"));
    run("", as_it_is);
    CHECK(lines(out) == 1 && has(out, ":pyrogue.test.A: error\n"));

    run("info", as_it_is);
    CHECK(lines(out) == 4 && has(out, ":pyrogue.test.A: Error: error\n"));
    CHECK(has(out, ":pyrogue.test.A: Info: info\n") && has(out, ":pyrogue.test.B: Info: info\n"));
    CHECK(has(out, ":pyrogue.test.B: Level 33: between\n"));
    run("test.A=debug", as_it_is);
    CHECK(lines(out) == 3 && has(out, ":pyrogue.test.A: Debug: debug\n"));
    run("33,pyrogue.test.A = Info", as_it_is);
    CHECK(lines(out) == 3 && !has(out, "Debug") && !has(out, "B: Info"));

    /* What is not understood: one line, whatever the level, and the rest holds. */
    run("loud,test.B=info,=3", as_it_is);
    CHECK(lines(out) == 4 &&
          has(out, ":pyrogue.log: Warning: RIM_LOG is not understood at \"loud,=3\""));
    CHECK(has(out, ":pyrogue.test.B: Info: info\n"));
    run("loud", as_it_is);
    CHECK(lines(out) == 2 && has(out, ":pyrogue.log: RIM_LOG is not understood at \"loud\""));
    CHECK(has(out, ":pyrogue.test.A: error\n"));
    run("loud", to_neither);
    CHECK(lines(out) == 0 && lines(err) == 0);

    /* The lowest level that applies counts. */
    run("test.B=info", set_by_the_program);
    CHECK(lines(out) == 4 && has(out, "A: Info: info\n") && has(out, "B: Info: info\n"));
    run("critical", set_by_the_program);
    CHECK(lines(out) == 2 && has(out, "A: Info: info\n"));

    run(NULL, to_stderr);
    CHECK(lines(out) == 0 && lines(err) == 1 && has(err, ":pyrogue.test.A: Error: error\n"));
    run(NULL, to_both);
    CHECK(lines(out) == 1 && has(out, ":pyrogue.test.A: error\n"));
    CHECK(lines(err) == 1 && has(err, ":pyrogue.test.A: Error: error\n"));
    run(NULL, to_neither);
    CHECK(lines(out) == 0 && lines(err) == 0);

    /* Who looks at the life of a server sees it at Info, with the client's address and port. */
    run("info", serve);
    CHECK(has(out, "Info: TCP memory bridge ready."));
    CHECK(has(out, "Info: Client 127.0.0.1:") && has(out, " is connected."));
    CHECK(has(out, "Info: Connected to 127.0.0.1:") && has(out, " has gone."));
    CHECK(!has(out, "ffff") && !has(out, "Debug"));
    run("debug", serve);
    CHECK(!has(out, "ffff") && !has(out, "ession") && !has(out, "Deferred") && !has(out, "{"));
    return 0;
}
