/*
 * How long a read takes over loopback: ours beside plain blocking sockets that exchange as many
 * bytes, in one run, in turn, as a ratio. No test: it has no limit, and the times of a busy machine
 * mean nothing but for the ratio.
 *
 *   roundtrip [READS [ROUNDS]]        5000 reads a round, 5 rounds
 *
 * Each contestant has its server in a process of its own. Where a process runs decides more than
 * what it does, so all is done twice: both on one core, and one core each.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rogue/rim.h"

enum {
    /* What a request and a response of `size` bytes have besides the data: frames and fields. */
    REQUEST_BYTES = 28,
    RESPONSE_BYTES = 34,
    MAX_SIZE = 1 << 20
};

static unsigned char buffer[MAX_SIZE + RESPONSE_BYTES];

static void check(bool fine, const char* what) {
    if (fine) return;
    fprintf(stderr, "roundtrip: %s: %s\n", what, rim_last_error());
    exit(1);
}

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Where it cannot be chosen, the system's choice has to do. */
static void pin(int core) {
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) perror("roundtrip: not pinned");
#else
    (void)core;
#endif
}

static bool move(int fd, size_t count, bool out) {
    size_t done = 0;
    while (done < count) {
        ssize_t step = out ? send(fd, buffer + done, count - done, 0)
                           : recv(fd, buffer + done, count - done, 0);
        if (step <= 0) return false;
        done += (size_t)step;
    }
    return true;
}

static int no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* Plain sockets: two connections, as the bridge has, so many bytes there and so many back. */
static pid_t plain_server(int core, size_t size, int fds[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr*)&address, length) == 0, "bind");
    check(listen(listener, 2) == 0, "listen");
    getsockname(listener, (struct sockaddr*)&address, &length);
    pid_t child = fork();
    if (child == 0) {
        pin(core);
        int requests = no_delay(accept(listener, NULL, NULL));
        int responses = no_delay(accept(listener, NULL, NULL));
        while (move(requests, REQUEST_BYTES, false)) {
            if (!move(responses, size + RESPONSE_BYTES, true)) break;
        }
        _exit(0);
    }
    for (int n = 0; n < 2; n++) {
        fds[n] = no_delay(socket(AF_INET, SOCK_STREAM, 0));
        check(connect(fds[n], (struct sockaddr*)&address, length) == 0, "connect");
    }
    close(listener);
    return child;
}

static pid_t our_server(int core, uint16_t* port) {
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        pin(core);
        rim_tcp_server* server = NULL;
        rim_emulate* memory = NULL;
        rim_slave* slave = NULL;
        check(rim_tcp_server_new("127.0.0.1", 0, NULL, &server) == RIM_STATUS_OK, "server");
        check(rim_emulate_new(1, 0, &memory) == RIM_STATUS_OK, "memory");
        check(rim_emulate_as_slave(memory, &slave) == RIM_STATUS_OK, "slave");
        check(rim_tcp_server_set_slave(server, slave) == RIM_STATUS_OK, "slave");
        rim_tcp_server_port(server, port);
        check(write(ends[1], port, sizeof(*port)) == sizeof(*port), "pipe");
        for (;;) pause();
    }
    check(read(ends[0], port, sizeof(*port)) == sizeof(*port), "server");
    close(ends[0]);
    close(ends[1]);
    return child;
}

static int compare(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

/* The median time of one read, in microseconds. */
static double median(int reads, double* times) {
    qsort(times, (size_t)reads, sizeof(*times), compare);
    return times[reads / 2];
}

static void measure(int reads, int rounds, size_t size, int server_core) {
    int fds[2];
    uint16_t port = 0;
    rim_tcp_client* client = NULL;
    pid_t plain = plain_server(server_core, size, fds);
    pid_t ours = our_server(server_core, &port);
    check(rim_tcp_client_new("127.0.0.1", port, NULL, &client) == RIM_STATUS_OK, "client");
    check(rim_tcp_client_wait_ready(client, 5000000, 10000) == RIM_STATUS_OK, "client");

    double* times = malloc((size_t)reads * sizeof(*times));
    double* ratios = malloc((size_t)rounds * sizeof(*ratios));
    check(times != NULL && ratios != NULL, "memory");
    double best[2] = {1e12, 1e12};
    for (int round = -1; round < rounds; round++) {
        for (int n = 0; n < reads; n++) {
            double begun = now_us();
            check(move(fds[0], REQUEST_BYTES, true), "plain send");
            check(move(fds[1], size + RESPONSE_BYTES, false), "plain receive");
            times[n] = now_us() - begun;
        }
        double floor_us = median(reads, times);
        for (int n = 0; n < reads; n++) {
            double begun = now_us();
            rim_status status = rim_tcp_client_read(client, 0x1000, buffer, (uint32_t)size, 0);
            times[n] = now_us() - begun;
            check(status == RIM_STATUS_OK, "read");
        }
        double ours_us = median(reads, times);
        if (round < 0) continue; /* to warm up */
        ratios[round] = ours_us / floor_us;
        if (floor_us < best[0]) best[0] = floor_us;
        if (ours_us < best[1]) best[1] = ours_us;
    }
    qsort(ratios, (size_t)rounds, sizeof(*ratios), compare);
    printf("%8zu  %-14s %12.1f %12.1f %10.2f   %.2f..%.2f\n", size,
           server_core == 0 ? "one core" : "one core each", best[0], best[1], ratios[rounds / 2],
           ratios[0], ratios[rounds - 1]);
    free(times);
    free(ratios);
    rim_tcp_client_free(client);
    kill(plain, SIGKILL);
    kill(ours, SIGKILL);
    close(fds[0]);
    close(fds[1]);
    while (wait(NULL) > 0) continue;
}

int main(int argc, char** argv) {
    int reads = argc > 1 ? atoi(argv[1]) : 5000;
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    if (reads < 1 || rounds < 1 || argc > 3) {
        fprintf(stderr, "usage: roundtrip [READS [ROUNDS]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%8s  %-14s %12s %12s %10s   %s\n", "bytes", "placement", "plain, us", "ours, us",
           "ratio", "ratio of rounds");
    pin(0);
    static const size_t sizes[] = {4, 4096, 65536};
    for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
        measure(reads, rounds, sizes[n], 0);
        if (sysconf(_SC_NPROCESSORS_ONLN) > 1) measure(reads, rounds, sizes[n], 1);
    }
    return 0;
}
