/*
 * No descriptors left: a server goes on with the clients that it has, without working for nothing,
 * and takes in others when there are descriptors again; a client tries again; what is to be made
 * anew fails and says why.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <fcntl.h>

enum {
    /* Descriptors that the server's process may have open. */
    LIMIT = 64,
    /* More connections than that. */
    CROWD = 150,
    /* Of two seconds without descriptors, the most that may be worked, in milliseconds. */
    MOST_WORK_MS = 500
};

typedef struct {
    int to_server[2], to_peers[2];
    uint16_t port;
} pair;

/* Keeps the process from having more than `most` descriptors open. */
static void limit(rlim_t most) {
    struct rlimit now;
    CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0);
    now.rlim_cur = most;
    CHECK(setrlimit(RLIMIT_NOFILE, &now) == 0);
}

/* A child: the server, at its limit while its peers say so. */
static void be_server(void* argument) {
    pair* shared = argument;
    rim_tcp_server* server;
    rim_tcp_server_stats stats;
    double work;
    CHECK_OK(rim_log_set_stdout(false));
    limit(LIMIT);
    shared->port = serve_memory(&server, NULL);
    CHECK(write(shared->to_peers[1], &shared->port, sizeof shared->port) == sizeof shared->port);
    CHECK(await(shared->to_server) == 'f');
    /* All are taken that there are. */
    CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
    work = seconds(CLOCK_PROCESS_CPUTIME_ID);
    sleep_ms(2000);
    work = seconds(CLOCK_PROCESS_CPUTIME_ID) - work;
    printf("%.1f ms of work in two seconds without descriptors\n", 1e3 * work);
    CHECK(work < 1e-3 * MOST_WORK_MS);
    give(shared->to_peers, 'm');
    CHECK(await(shared->to_server) == 'e');
    CHECK_OK(rim_tcp_server_get_stats(server, &stats, sizeof stats));
    CHECK(stats.connections_total > LIMIT);
    rim_tcp_server_free(server);
}

static void a_server_goes_on(void) {
    pair shared;
    pid_t server;
    rim_tcp_client *before, *after;
    rim_tcp_client_stats stats;
    int crowd[CROWD], n;
    CHECK(pipe(shared.to_server) == 0 && pipe(shared.to_peers) == 0);
    server = child(be_server, &shared);
    CHECK(read(shared.to_peers[0], &shared.port, sizeof shared.port) == sizeof shared.port);
    before = client_of(shared.port);
    exchange(before, 1);
    for (n = 0; n < CROWD; n++) {
        crowd[n] = dial((uint16_t)(shared.port + n % 2));
    }
    /* Those that were accepted have its greeting; then it has no descriptors. */
    sleep_ms(300);
    give(shared.to_server, 'f');
    CHECK(await(shared.to_peers) == 'm');
    for (n = 0; n < 200; n++) {
        exchange(before, 100 + (uint32_t)n);
    }
    /* One that comes now waits; when there are descriptors again it is served. */
    after = client_of(shared.port);
    CHECK(rim_tcp_client_read(after, 0, &n, 4, 200000) != RIM_STATUS_OK);
    for (n = 0; n < CROWD; n++) {
        close(crowd[n]);
    }
    exchange(after, 3);
    exchange(before, 4);
    CHECK_OK(rim_tcp_client_get_stats(before, &stats, sizeof stats));
    CHECK(stats.losses == 0);
    give(shared.to_server, 'e');
    CHECK(ended(server) == 0);
    rim_tcp_client_free(before);
    rim_tcp_client_free(after);
}

/* A child: a server for a client at its limit. */
static void be_peer(void* argument) {
    pair* shared = argument;
    rim_tcp_server* server;
    CHECK_OK(rim_log_set_stdout(false));
    shared->port = serve_memory(&server, NULL);
    CHECK(write(shared->to_peers[1], &shared->port, sizeof shared->port) == sizeof shared->port);
    CHECK(await(shared->to_server) == 'e');
    rim_tcp_server_free(server);
}

/* Takes every descriptor that may be had. */
static int take_all(int* taken, int room) {
    int count = 0;
    while (count < room && (taken[count] = open("/dev/null", O_RDONLY)) >= 0) {
        count++;
    }
    CHECK(count < room && errno == EMFILE);
    return count;
}

/* A host name must be looked up in files, which need descriptors too. */
static void a_client_tries_again(const char* host) {
    pair shared;
    pid_t peer;
    rim_tcp_client *client, *none = NULL;
    rim_tcp_server* no_server = NULL;
    int taken[LIMIT], count, n;
    uint32_t word;
    double work;
    CHECK(pipe(shared.to_server) == 0 && pipe(shared.to_peers) == 0);
    peer = child(be_peer, &shared);
    CHECK(read(shared.to_peers[0], &shared.port, sizeof shared.port) == sizeof shared.port);
    limit(LIMIT);
    count = take_all(taken, LIMIT);
    CHECK_STATUS(rim_tcp_client_new("127.0.0.1", shared.port, NULL, &none), RIM_STATUS_SYSTEM);
    CHECK_SAYS("Too many open files");
    CHECK(rim_tcp_server_new("127.0.0.1", 0, NULL, &no_server) != RIM_STATUS_OK);
    CHECK_SAYS("Too many open files");
    CHECK(none == NULL && no_server == NULL);
    /* A client takes what it needs to wait for events, and finds no sockets. */
    for (n = 0; n < 3; n++) {
        close(taken[--count]);
    }
    CHECK_OK(rim_tcp_client_new(host, shared.port, NULL, &client));
    n = take_all(taken + count, LIMIT - count);
    count += n;
    work = seconds(CLOCK_PROCESS_CPUTIME_ID);
    CHECK_STATUS(rim_tcp_client_read(client, 0, &word, 4, 2000000), RIM_STATUS_SYSTEM);
    work = seconds(CLOCK_PROCESS_CPUTIME_ID) - work;
    CHECK_SAYS("cannot connect: Too many open files");
    CHECK(work < 1e-3 * MOST_WORK_MS);
    while (count > 0) {
        close(taken[--count]);
    }
    exchange(client, 5);
    rim_tcp_client_free(client);
    give(shared.to_server, 'e');
    CHECK(ended(peer) == 0);
}

int main(void) {
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    a_server_goes_on();
    a_client_tries_again("127.0.0.1");
    a_client_tries_again("localhost");
    return 0;
}
