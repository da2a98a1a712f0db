/* What a server and a client have counted, after work that is known. */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <sys/prctl.h>

enum { LONG_US = 20000000 };

static rim_tcp_server* server;
static rim_tcp_client* client;
static uint16_t port;
static rim_transaction* kept;
static counter kept_count = COUNTER_INIT;

/* A place that fails, one that is slow, one that does not answer; anything else is done. */
static void carry_out(void* user, rim_transaction* transaction) {
    const uint64_t address = info_of(transaction).address;
    (void)user;
    if (address == 0xdead0) {
        kept = transaction;
        counter_add(&kept_count);
        return;
    }
    if (address == 0x510) {
        sleep_ms(30);
    }
    if (address == 0xbad0) {
        CHECK_OK(rim_transaction_fail(transaction, "the device says no"));
    } else {
        CHECK_OK(rim_transaction_done(transaction));
    }
    rim_transaction_free(transaction);
}

static void serve(const rim_tcp_server_options* options) {
    rim_slave* slave;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", port, options, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_slave_new(4, 0, carry_out, NULL, NULL, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
}

static rim_tcp_server_stats server_stats(void) {
    rim_tcp_server_stats now;
    CHECK_OK(rim_tcp_server_get_stats(server, &now, sizeof now));
    CHECK(now.struct_size == sizeof now);
    return now;
}

static rim_tcp_client_stats client_stats(void) {
    rim_tcp_client_stats now;
    CHECK_OK(rim_tcp_client_get_stats(client, &now, sizeof now));
    CHECK(now.struct_size == sizeof now);
    return now;
}

static void plausible(const rim_latency* latency, uint64_t count) {
    CHECK(latency->count == count);
    CHECK(latency->min_ns <= latency->p50_ns && latency->p50_ns <= latency->p90_ns);
    CHECK(latency->p90_ns <= latency->p99_ns && latency->p99_ns <= latency->p999_ns);
    CHECK(latency->p999_ns <= latency->max_ns);
    CHECK(latency->min_ns <= latency->mean_ns && latency->mean_ns <= latency->max_ns);
}

static void nothing_yet(void) {
    static const rim_traffic none;
    rim_tcp_server_stats at_server = server_stats();
    rim_tcp_client_stats at_client = client_stats();
    CHECK(memcmp(&at_server.traffic, &none, sizeof none) == 0);
    CHECK(memcmp(&at_client.traffic, &none, sizeof none) == 0);
    CHECK(memcmp(&at_client.connection, &none, sizeof none) == 0);
    CHECK(at_client.connects == 1 && at_client.losses == 0);
}

static void work(void) {
    uint8_t data[128] = {0};
    int n;
    for (n = 1; n <= 3; n++) {
        CHECK_OK(rim_tcp_client_read(client, 0, data, 4 * (uint32_t)n, LONG_US));
    }
    CHECK_OK(rim_tcp_client_write(client, 0, data, 8, LONG_US));
    CHECK_OK(rim_tcp_client_write(client, 0x510, data, 8, LONG_US));
    CHECK_OK(rim_tcp_client_verify(client, 0, data, 16, LONG_US));
    CHECK_OK(rim_tcp_client_post(client, 0, data, 32, LONG_US));
    CHECK_STATUS(rim_tcp_client_read(client, 0xbad0, data, 4, LONG_US), RIM_STATUS_FAILED);
    CHECK_STATUS(rim_tcp_client_write(client, 0xbad0, data, 4, LONG_US), RIM_STATUS_FAILED);
    CHECK_STATUS(rim_tcp_client_verify(client, 0xbad0, data, 4, LONG_US), RIM_STATUS_FAILED);
    CHECK_OK(rim_tcp_client_post(client, 0xbad0, data, 4, LONG_US));
    /* Over the server's max_transaction: its slave is not asked. */
    CHECK_STATUS(rim_tcp_client_write(client, 0, data, 128, LONG_US), RIM_STATUS_FAILED);
    /* Given up by the client, and in the slave's hands still. */
    CHECK_STATUS(rim_tcp_client_read(client, 0xdead0, data, 4, 50000), RIM_STATUS_TIMEOUT);
    counter_wait(&kept_count, 1);
}

static void what_the_client_did(void) {
    rim_tcp_client_stats now = client_stats();
    const rim_traffic* traffic = &now.traffic;
    CHECK(traffic->reads.done == 3 && traffic->reads.failed == 2);
    CHECK(traffic->writes.done == 2 && traffic->writes.failed == 2);
    CHECK(traffic->verifies.done == 1 && traffic->verifies.failed == 1);
    /* For the client a posted write is done when it has been sent. */
    CHECK(traffic->posts.done == 2 && traffic->posts.failed == 0);
    CHECK(traffic->timed_out == 1 && traffic->refused == 0);
    CHECK(traffic->bytes_read == 4 + 8 + 12 + 16);
    CHECK(traffic->bytes_written == 8 + 8 + 32 + 4);
    CHECK(traffic->outstanding == 0 && traffic->most_outstanding == 1);
    /* Those that had a response: all but the posted writes and the one that was given up. */
    plausible(&traffic->latency, 10);
    CHECK(traffic->latency.max_ns >= 30000000);
    CHECK(memcmp(&now.connection, traffic, sizeof *traffic) == 0);
    CHECK(now.connects == 1 && now.losses == 0);
}

static void what_the_server_did(void) {
    rim_tcp_server_stats now = server_stats();
    const rim_traffic* traffic = &now.traffic;
    CHECK(traffic->reads.done == 3 && traffic->reads.failed == 1);
    CHECK(traffic->writes.done == 2 && traffic->writes.failed == 1);
    CHECK(traffic->verifies.done == 1 && traffic->verifies.failed == 1);
    CHECK(traffic->posts.done == 1 && traffic->posts.failed == 1);
    CHECK(now.failed_posts == 1);
    CHECK(traffic->timed_out == 0 && traffic->refused == 1);
    CHECK(traffic->bytes_read == 4 + 8 + 12 + 16 && traffic->bytes_written == 8 + 8 + 32);
    CHECK(traffic->outstanding == 1 && traffic->most_outstanding >= 1);
    plausible(&traffic->latency, 11);
    CHECK(traffic->latency.max_ns >= 30000000);
    CHECK(now.connections == 2 && now.connections_total == 2 && now.bytes_queued == 0);

    /* The last one is counted when the slave has done it, though nobody wants it any more. */
    CHECK_OK(rim_transaction_done(kept));
    rim_transaction_free(kept);
    now = server_stats();
    CHECK(now.traffic.outstanding == 0 && now.traffic.reads.done == 4);
    CHECK(now.traffic.latency.count == 12);
}

/* Each client has its own statistics, as long as it is there. */
static void each_client(void) {
    rim_tcp_peer_stats peers[3];
    rim_tcp_server_stats now;
    rim_tcp_client* second;
    uint8_t data[4] = {0}, own;
    const size_t newer = sizeof peers[0] + 1;
    size_t count = 77;
    memset(peers, 0x5a, sizeof peers);
    CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 3, &count));
    now = server_stats();
    CHECK(count == 1 && peers[0].struct_size == sizeof peers[0]);
    CHECK(strcmp(peers[0].address, "127.0.0.1") == 0 && peers[0].session == 1);
    CHECK(peers[0].port != 0);
    CHECK(peers[0].bytes_queued == 0 && peers[0].traffic.reads.done == 4);
    CHECK(memcmp(&peers[0].traffic.latency, &now.traffic.latency, sizeof(rim_latency)) == 0);
    CHECK(peers[1].struct_size != sizeof peers[0]);

    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &second));
    CHECK_OK(rim_tcp_client_write(second, 0, data, 4, LONG_US));
    CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 3, &count));
    CHECK(count == 2);
    own = peers[0].traffic.reads.done == 0 ? 0 : 1;
    CHECK(peers[own].traffic.writes.done == 1 && peers[own].traffic.bytes_written == 4);
    CHECK(peers[own].traffic.latency.count == 1 && peers[own].traffic.refused == 0);
    CHECK(peers[1 - own].traffic.writes.done == 2 && peers[1 - own].traffic.refused == 1);
    CHECK(server_stats().traffic.writes.done == 3);

    /* Fewer than there are, none, and structs of a newer program's size, which is odd. */
    memset(peers, 0x5a, sizeof peers);
    CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 1, &count));
    CHECK(count == 2 && peers[0].struct_size == sizeof peers[0]);
    CHECK(peers[1].struct_size != sizeof peers[1]);
    CHECK_OK(rim_tcp_server_get_peer_stats(server, NULL, sizeof peers[0], 0, &count));
    CHECK(count == 2);
    memset(peers, 0x5a, sizeof peers);
    CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, newer, 2, &count));
    CHECK(memcmp((char*)peers + sizeof(size_t), "127.0.0.1", 10) == 0);
    CHECK(memcmp((char*)peers + newer + sizeof(size_t), "127.0.0.1", 10) == 0);
    CHECK(((unsigned char*)peers)[2 * newer - 1] == 0);
    CHECK(((unsigned char*)peers)[2 * newer] == 0x5a);
    /* The size and the capacity swapped. */
    CHECK_STATUS(rim_tcp_server_get_peer_stats(server, peers, 3, sizeof peers[0], &count),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_peer_stats(server, peers, 16, sizeof peers[0], &count),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("sizeof(rim_tcp_peer_stats)");

    /* What it did stays in the sum when it has gone. */
    rim_tcp_client_free(second);
    do {
        CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 3, &count));
    } while (count != 1);
    CHECK(server_stats().traffic.writes.done == 3);
    while (server_stats().connections != 2) {
        sleep_ms(5);
    }
    CHECK(server_stats().connections_total == 4);
}

static void nobody_hears(void* user, rim_status status, const char* error) {
    (void)user;
    (void)status;
    (void)error;
}

/* Another process: a client that asks for much, until it is stopped. */
static void greedy(const char* at) {
    enum { COUNT = 24, SIZE = 1 << 20 };
    static uint8_t data[COUNT][SIZE];
    int n;
    /* A process that stands still would outlive a test that fails. */
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", (uint16_t)atoi(at), NULL, &client));
    CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, LONG_US));
    for (n = 0; n < COUNT; n++) {
        CHECK_OK(rim_tcp_client_request(client, 0x510, data[n], SIZE, RIM_READ, LONG_US,
                                        nobody_hears, NULL, NULL));
    }
    for (;;) {
        sleep_ms(1000);
    }
}

static void who_does_not_read_is_dropped(const char* program) {
    rim_tcp_server_options options;
    rim_tcp_peer_stats peers[2];
    char at[8];
    uint64_t done;
    size_t count;
    pid_t other;
    CHECK_OK(rim_tcp_server_get_options(server, &options, sizeof options));
    options.keep_alive_us = 1000000;
    options.max_transaction = 0;
    options.max_queued = 2 * (1 << 20);
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    snprintf(at, sizeof at, "%u", port);
    other = fork();
    if (other == 0) {
        execl(program, program, at, (char*)NULL);
        _exit(1);
    }
    CHECK(other > 0);
    /* The slave takes its time for each: when it has done some, all have been asked for. */
    done = server_stats().traffic.reads.done;
    while (server_stats().traffic.reads.done < done + 3) {
        sleep_ms(5);
    }
    CHECK(kill(other, SIGSTOP) == 0);
    while (server_stats().bytes_queued == 0) {
        sleep_ms(5);
    }
    CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 2, &count));
    CHECK(count == 2 && peers[0].bytes_queued + peers[1].bytes_queued > 0);
    while (server_stats().dropped_not_reading == 0 || server_stats().connections != 2) {
        /* What may wait, and one response more. */
        CHECK(server_stats().bytes_queued < 3 * (1 << 20) + 4096);
        sleep_ms(5);
    }
    CHECK(server_stats().bytes_queued == 0);
    CHECK(kill(other, SIGKILL) == 0);
    CHECK(waitpid(other, NULL, 0) == other);
}

static void connections_dropped_by_cause(void) {
    rim_tcp_server_stats now;
    rim_tcp_server_options options;
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/plain\r\n\r\n";
    struct linger reset = {1, 0};
    char byte;
    int fd = dial(port);
    CHECK(write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1);
    while (server_stats().dropped_protocol == 0) {
        sleep_ms(5);
    }
    close(fd);
    fd = dial(port);
    CHECK(read(fd, &byte, 1) == 1);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    close(fd);
    /* A process that has ended, however that came, is no fault of the network's. */
    while (server_stats().connections != 2) {
        sleep_ms(5);
    }
    CHECK_OK(rim_tcp_server_get_options(server, &options, sizeof options));
    options.max_connections = 2;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    fd = dial(port);
    while (server_stats().dropped_over_limit == 0) {
        sleep_ms(5);
    }
    close(fd);
    options.max_connections = 0;
    options.handshake_timeout_us = 1000;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    fd = dial(port);
    while (server_stats().dropped_handshake == 0) {
        sleep_ms(5);
    }
    close(fd);
    now = server_stats();
    CHECK(now.dropped_protocol == 1 && now.dropped_network == 0 && now.dropped_over_limit == 1);
    CHECK(now.dropped_handshake == 1 && now.dropped_not_reading == 1);
    CHECK(now.connections_total == 10);
}

/* The server goes, and comes again at its port. */
static void connections_made_anew(void) {
    rim_tcp_client_stats now;
    uint8_t data[4];
    rim_tcp_server_free(server);
    CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_LOST, RIM_FOREVER_US));
    now = client_stats();
    CHECK(now.connects == 1 && now.losses == 1);
    CHECK(now.connection.reads.done == 0 && now.connection.latency.count == 0);
    while (client_stats().failed_attempts == 0) {
        sleep_ms(5);
    }
    CHECK(client_stats().traffic.reads.done == 3);
    serve(NULL);
    CHECK_OK(rim_tcp_client_read(client, 0, data, 4, LONG_US));
    now = client_stats();
    CHECK(now.connects == 2 && now.losses == 1);
    CHECK(now.connection.reads.done == 1 && now.connection.bytes_read == 4);
    CHECK(now.connection.reads.failed == 0 && now.connection.latency.count == 1);
    CHECK(now.traffic.reads.done == 4 && now.traffic.reads.failed == 2);
    plausible(&now.traffic.latency, 11);
    /* A client that is stopped has no connection; what it did is still told. */
    CHECK_OK(rim_tcp_client_stop(client));
    now = client_stats();
    CHECK(now.traffic.reads.done == 4 && now.connection.reads.done == 0 && now.losses == 1);
}

/* A program that is older or newer than the library, and one that is wrong. */
static void sizes(void) {
    struct {
        rim_tcp_server_stats known;
        uint64_t unknown;
    } newer;
    struct {
        size_t struct_size;
        rim_outcomes reads;
        unsigned char after;
    } older;
    rim_tcp_server_stats now = {0};
    rim_tcp_client_stats mine = {0};
    rim_tcp_peer_stats peer = {0};
    size_t count = 77;
    memset(&newer, 0x5a, sizeof newer);
    CHECK_OK(rim_tcp_server_get_stats(server, &newer.known, sizeof newer));
    CHECK(newer.known.struct_size == sizeof newer && newer.unknown == 0);
    CHECK(newer.known.traffic.reads.done == 1);
    memset(&older, 0x5a, sizeof older);
    CHECK_OK(rim_tcp_server_get_stats(server, (rim_tcp_server_stats*)(void*)&older,
                                      sizeof(size_t) + sizeof(rim_outcomes)));
    CHECK(older.reads.done == 1 && older.reads.failed == 0 && older.after == 0x5a);

    CHECK_STATUS(rim_tcp_server_get_stats(server, &now, 0), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("sizeof(rim_tcp_server_stats)");
    CHECK_STATUS(rim_tcp_server_get_stats(server, &now, (size_t)-1), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_stats(NULL, &now, sizeof now), RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'server'");
    CHECK_STATUS(rim_tcp_server_get_stats(server, NULL, sizeof now), RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'stats'");
    CHECK_STATUS(rim_tcp_client_get_stats(client, &mine, 7), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_get_stats(NULL, &mine, sizeof mine), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_get_stats(client, NULL, sizeof mine), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_peer_stats(server, &peer, 0, 1, &count),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_peer_stats(NULL, &peer, sizeof peer, 1, &count),
                 RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_peer_stats(server, NULL, sizeof peer, 1, &count),
                 RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'peers'");
    CHECK_STATUS(rim_tcp_server_get_peer_stats(server, &peer, sizeof peer, 1, NULL),
                 RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'count'");
    CHECK(now.struct_size == 0 && mine.struct_size == 0 && peer.struct_size == 0 && count == 77);
}

int main(int argc, char** argv) {
    rim_tcp_server_options options;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    if (argc > 1) {
        greedy(argv[1]);
    }
    CHECK_OK(rim_tcp_server_options_init(&options, sizeof options));
    options.max_transaction = 64;
    serve(&options);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, RIM_FOREVER_US));
    nothing_yet();
    work();
    what_the_client_did();
    what_the_server_did();
    each_client();
    who_does_not_read_is_dropped(argv[0]);
    connections_dropped_by_cause();
    connections_made_anew();
    sizes();
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    return 0;
}
