/*
 * Peers that go away while they are written to. A program that has not touched SIGPIPE, and dies of
 * it, is not ended by it.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

enum { ROUNDS = 40 };

/* A child that is killed while it is served, or serves. */
static void be_client(void* argument) {
    rim_tcp_client* client = client_of(*(uint16_t*)argument);
    static uint8_t data[1 << 20];
    uint32_t n;
    CHECK_OK(rim_log_set_stdout(false));
    for (n = 0;; n++) {
        rim_tcp_client_read(client, 0, data, sizeof data, PATIENCE);
        rim_tcp_client_write(client, 0, data, sizeof data, PATIENCE);
    }
}

static void be_server(void* argument) {
    int* port_pipe = argument;
    rim_tcp_server* server;
    uint16_t port;
    CHECK_OK(rim_log_set_stdout(false));
    port = serve_memory(&server, NULL);
    CHECK(write(port_pipe[1], &port, sizeof port) == sizeof port);
    for (;;) {
        pause();
    }
}

static void end(pid_t pid) {
    int status;
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void* write_on(void* argument) {
    rim_tcp_client* client = argument;
    static uint8_t data[1 << 20];
    while (rim_tcp_client_write(client, 0, data, sizeof data, PATIENCE) == RIM_STATUS_OK) {
    }
    /* It is lost by now. A posted write is one more that nobody reads. */
    rim_tcp_client_post(client, 0, data, 4, 1000);
    return NULL;
}

int main(void) {
    pid_t servers[ROUNDS], clients[ROUNDS];
    int ports[2], n;
    uint16_t port[ROUNDS], own;
    int port_pipe[2];
    rim_tcp_server* server;
    rim_tcp_client* client;
    rim_tcp_server_stats stats;
    check_begin();
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    CHECK_OK(rim_log_set_stdout(false));
    CHECK(pipe(ports) == 0 && pipe(port_pipe) == 0);
    for (n = 0; n < ROUNDS; n++) {
        servers[n] = child(be_server, port_pipe);
        CHECK(read(port_pipe[0], &port[n], sizeof port[n]) == sizeof port[n]);
    }
    /* Forked while there is nothing here yet: each waits until it is told which port. */
    for (n = 0; n < ROUNDS; n++) {
        clients[n] = fork();
        CHECK(clients[n] >= 0);
        if (clients[n] == 0) {
            CHECK(read(ports[0], &own, sizeof own) == sizeof own);
            be_client(&own);
        }
    }
    own = serve_memory(&server, NULL);
    for (n = 0; n < ROUNDS; n++) {
        CHECK(write(ports[1], &own, sizeof own) == sizeof own);
    }
    for (n = 0; n < ROUNDS; n++) {
        sleep_ms(5);
        end(clients[n]);
    }
    for (n = 0; n < ROUNDS; n++) {
        pthread_t writing;
        client = client_of(port[n]);
        CHECK(pthread_create(&writing, NULL, write_on, client) == 0);
        CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, PATIENCE));
        sleep_ms(5);
        end(servers[n]);
        CHECK(pthread_join(writing, NULL) == 0);
        rim_tcp_client_free(client);
    }
    client = client_of(own);
    exchange(client, 1);
    CHECK_OK(rim_tcp_server_get_stats(server, &stats, sizeof stats));
    CHECK(stats.connections_total > 2);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    return 0;
}
