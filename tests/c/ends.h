/*
 * For the tests of what a process may run out of or do to itself: a server with memory behind it, a
 * client, peers of a few bytes, children that play peers or die in their stead, and what the
 * process holds. No checks of the bridge itself are here.
 */
#ifndef TESTS_C_ENDS_H
#define TESTS_C_ENDS_H

#include "check.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>

/* Long enough for anything that should happen at all, in microseconds. */
enum { PATIENCE = 20000000 };

/* A server with memory for a slave, at a port, or on free ones if that is 0; its port. */
static inline uint16_t serve_memory_at(rim_tcp_server** server, uint16_t port,
                                       const rim_tcp_server_options* options) {
    rim_emulate* emulate;
    rim_slave* slave;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", port, options, server));
    CHECK_OK(rim_tcp_server_port(*server, &port));
    CHECK_OK(rim_emulate_new(1, 0, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    CHECK_OK(rim_tcp_server_set_slave(*server, slave));
    rim_slave_free(slave);
    rim_emulate_free(emulate);
    return port;
}

/* The same on free ports. */
static inline uint16_t serve_memory(rim_tcp_server** server,
                                    const rim_tcp_server_options* options) {
    return serve_memory_at(server, 0, options);
}

static inline rim_tcp_client* client_of(uint16_t port) {
    rim_tcp_client* client;
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    return client;
}

/* Writes a value and reads it back. */
static inline void exchange(rim_tcp_client* client, uint32_t value) {
    uint32_t back = ~value;
    CHECK_OK(rim_tcp_client_write(client, 0x40, &value, 4, PATIENCE));
    CHECK_OK(rim_tcp_client_read(client, 0x40, &back, 4, PATIENCE));
    CHECK(back == value);
}

/* A connection, on which nothing has been said. */
static inline int dial(uint16_t port) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr*)&to, sizeof to) == 0);
    return fd;
}

/* Sends or receives all of it. */
static inline void all(int fd, void* data, size_t size, bool out) {
    uint8_t* at = data;
    while (size > 0) {
        ssize_t count = out ? send(fd, at, size, MSG_NOSIGNAL) : recv(fd, at, size, 0);
        CHECK(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

/* One connection of a peer without a session, after its handshake; as PUSH or PULL. */
static inline int dial_as(uint16_t port, const char* type) {
    uint8_t bytes[92] = {0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1, 'N', 'U', 'L', 'L'};
    uint8_t answer[92];
    const int fd = dial(port);
    memcpy(bytes + 64, "\x04\x1A\x05READY\x0BSocket-Type\0\0\0\x04", 24);
    memcpy(bytes + 88, type, 4);
    all(fd, bytes, sizeof bytes, true);
    all(fd, answer, sizeof answer, false);
    return fd;
}

/* The four frames with which a request begins; of a Write, with the head of its data frame. */
static inline size_t head(uint8_t* at, uint32_t id, uint32_t size, uint32_t type) {
    static const uint8_t frames[28] = {1, 4, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0,
                                       0, 0, 1, 4, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0};
    size_t n;
    memcpy(at, frames, 28);
    memcpy(at + 2, &id, 4);
    memcpy(at + 18, &size, 4);
    memcpy(at + 24, &type, 4);
    if (type != RIM_WRITE) {
        return 28;
    }
    at[22] = 1;
    at[28] = 2; /* a long frame, the last one */
    for (n = 0; n < 8; n++) {
        at[29 + n] = n < 4 ? 0 : (uint8_t)(size >> (8 * (7 - n)));
    }
    return 37;
}

/* Seconds of a clock: CLOCK_MONOTONIC, or CLOCK_PROCESS_CPUTIME_ID for the time that was worked. */
static inline double seconds(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Entries of a folder such as /proc/self/fd, without those that every folder has. */
static inline int entries(const char* folder) {
    DIR* open = opendir(folder);
    int count = 0;
    CHECK(open != NULL);
    while (readdir(open) != NULL) {
        count++;
    }
    closedir(open);
    return count - 2;
}

/* Descriptors that are open, the one that looks not counted. */
static inline int descriptors(void) { return entries("/proc/self/fd") - 1; }

static inline int threads(void) { return entries("/proc/self/task"); }

/* Runs a child that ends with exit(0) when all is as it should be. To be forked before the process
 * has endpoints, unless it is the test's point that it has. */
static inline pid_t child(void (*run)(void*), void* argument) {
    pid_t pid;
    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        check_begin();
        run(argument);
        exit(0);
    }
    return pid;
}

/* Waits for a child, for at most 60 s; its exit status, or -1 if it was killed, by a signal or
 * here. */
static inline int ended(pid_t pid) {
    int status, n;
    for (n = 0; n < 6000; n++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        CHECK(got == 0 || got == pid || errno == EINTR);
        if (got == pid) {
            if (WIFSIGNALED(status)) {
                fprintf(stderr, "the child was ended by signal %d\n", WTERMSIG(status));
            }
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        sleep_ms(10);
    }
    fprintf(stderr, "the child hangs\n");
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

/* A byte through a pipe, which one process waits for and another gives. */
static inline void give(const int pipe[2], char byte) { CHECK(write(pipe[1], &byte, 1) == 1); }

static inline char await(const int pipe[2]) {
    char byte = 0;
    ssize_t got;
    do {
        got = read(pipe[0], &byte, 1);
    } while (got < 0 && errno == EINTR);
    CHECK(got == 1);
    return byte;
}

#endif
