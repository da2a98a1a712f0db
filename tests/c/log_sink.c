/*
 * A log sink that asks the endpoints for their state and statistics with each record: no lock of
 * theirs is held while it runs, whatever is logged.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

/* Set before the sink, but for what is made later: then it sees NULL, or the endpoint. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static rim_tcp_server* server;
static rim_tcp_client *client, *refused;

/* Texts that must have been logged, and which have. */
static const char* const expected[] = {
    "are dropped", /* the first, which is waited for */
    "connection refused", "Starting transaction", "Requested transaction",
    "Posted write",       "Holding the response", "cannot be told apart",
};
enum { TEXTS = sizeof expected / sizeof expected[0] };
static counter seen[TEXTS];

static void ask(rim_tcp_client* of) {
    rim_tcp_client_stats stats;
    uint32_t state;
    if (of != NULL) {
        CHECK_OK(rim_tcp_client_link_state(of, &state));
        CHECK_OK(rim_tcp_client_get_stats(of, &stats, sizeof stats));
    }
}

static void look(void* unused, uint32_t level, const char* name, const char* text) {
    rim_tcp_server_stats stats;
    rim_tcp_peer_stats peers[8];
    rim_tcp_server* at;
    rim_tcp_client *one, *other;
    size_t count;
    int n;
    (void)unused;
    (void)level;
    (void)name;
    CHECK(pthread_mutex_lock(&guard) == 0);
    at = server;
    one = client;
    other = refused;
    CHECK(pthread_mutex_unlock(&guard) == 0);
    ask(one);
    ask(other);
    if (at != NULL) {
        CHECK_OK(rim_tcp_server_get_stats(at, &stats, sizeof stats));
        CHECK_OK(rim_tcp_server_get_peer_stats(at, peers, sizeof *peers, 8, &count));
    }
    for (n = 0; n < TEXTS; n++) {
        if (strstr(text, expected[n]) != NULL) {
            counter_add(&seen[n]);
        }
    }
}

/* Accesses that the slave refuses: it has words. */
static void be_refused(void) {
    rim_emulate* emulate;
    rim_slave* slave;
    uint16_t half = 0;
    CHECK_OK(rim_emulate_new(4, 4096, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    CHECK(rim_tcp_client_read(client, 2, &half, 2, PATIENCE) == RIM_STATUS_FAILED);
    CHECK(rim_tcp_client_write(client, 2, &half, 2, PATIENCE) == RIM_STATUS_FAILED);
    CHECK_OK(rim_tcp_client_post(client, 2, &half, 2, PATIENCE));
    rim_slave_free(slave);
    rim_emulate_free(emulate);
}

int main(void) {
    rim_tcp_server* made;
    rim_tcp_client* connected;
    uint8_t request[64];
    uint32_t word;
    uint16_t port, closed;
    int requests[2], responses, n;
    check_begin();
    for (n = 0; n < TEXTS; n++) {
        const counter none = COUNTER_INIT;
        seen[n] = none;
    }
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_log_set_level(RIM_LOG_DEBUG));
    CHECK_OK(rim_log_set_sink(look, NULL, NULL));
    /* A port where nobody is. */
    closed = serve_memory(&made, NULL);
    rim_tcp_server_free(made);
    port = serve_memory(&made, NULL);
    connected = client_of(port);
    CHECK(pthread_mutex_lock(&guard) == 0);
    server = made;
    client = connected;
    CHECK(pthread_mutex_unlock(&guard) == 0);
    connected = client_of(closed);
    CHECK(pthread_mutex_lock(&guard) == 0);
    refused = connected;
    CHECK(pthread_mutex_unlock(&guard) == 0);
    CHECK(rim_tcp_client_read(refused, 0, &word, 4, 300000) != RIM_STATUS_OK);
    for (n = 0; n < 5; n++) {
        exchange(client, (uint32_t)n);
    }
    be_refused();
    /* Peers without a session, and without a connection for responses: until it is late. */
    requests[0] = dial_as(port, "PUSH");
    all(requests[0], request, head(request, 1, 4, RIM_READ), true);
    counter_wait(&seen[0], 1);
    /* Two of them for one such connection. */
    requests[1] = dial_as(port, "PUSH");
    responses = dial_as((uint16_t)(port + 1), "PULL");
    for (n = 0; n < TEXTS; n++) {
        printf("%s\n", expected[n]);
        fflush(stdout);
        counter_wait(&seen[n], 1);
    }
    close(responses);
    close(requests[0]);
    close(requests[1]);
    rim_tcp_server_stop(server);
    CHECK(rim_tcp_client_read(client, 0, &word, 4, 300000) != RIM_STATUS_OK);
    CHECK_OK(rim_log_set_sink(NULL, NULL, NULL));
    rim_tcp_client_free(refused);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    return 0;
}
