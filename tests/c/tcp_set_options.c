/* Options of a server and a client that are set while they are at work: each has its effect. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { LONG_US = 20000000, MOST = 8 };

static rim_tcp_server* server;
static rim_tcp_client* client;
static uint16_t port;

/* A thread that pulls from the server, for as long as it takes, and keeps what comes. */
static rim_transaction* pulled[MOST];
static counter pulls = COUNTER_INIT;

static void* pull(void* unused) {
    (void)unused;
    for (;;) {
        rim_transaction* transaction;
        rim_status status = rim_tcp_server_next(server, RIM_FOREVER_US, &transaction);
        if (status == RIM_STATUS_STOPPED) {
            return NULL;
        }
        CHECK_OK(status);
        CHECK(counter_get(&pulls) < MOST);
        pulled[counter_get(&pulls)] = transaction;
        counter_add(&pulls);
    }
}

/* Completes the transactions that were pulled; the first comes first. */
static void complete(int from, int to) {
    for (; from < to; from++) {
        CHECK_OK(rim_transaction_done(pulled[from]));
        rim_transaction_free(pulled[from]);
    }
}

static counter completions = COUNTER_INIT;
static counter failures = COUNTER_INIT;

static void completed(void* user, rim_status status, const char* error) {
    (void)user;
    (void)error;
    counter_add(status == RIM_STATUS_OK ? &completions : &failures);
}

static rim_tcp_server_options server_options(void) {
    rim_tcp_server_options options;
    CHECK_OK(rim_tcp_server_get_options(server, &options, sizeof options));
    CHECK(options.struct_size == sizeof options);
    return options;
}

static rim_tcp_client_options client_options(void) {
    rim_tcp_client_options options;
    CHECK_OK(rim_tcp_client_get_options(client, &options, sizeof options));
    CHECK(options.struct_size == sizeof options);
    return options;
}

static rim_tcp_server_stats stats(void) {
    rim_tcp_server_stats now;
    CHECK_OK(rim_tcp_server_get_stats(server, &now, sizeof now));
    return now;
}

static void ask(uint8_t* data, uint64_t timeout_us) {
    CHECK_OK(
        rim_tcp_client_request(client, 0, data, 4, RIM_READ, timeout_us, completed, NULL, NULL));
}

static void what_is_set_is_told(void) {
    rim_tcp_server_options given = server_options(), got;
    rim_tcp_client_options client_given = client_options(), client_got;
    rim_tcp_server_options defaults;
    rim_tcp_client_options client_defaults;
    CHECK_OK(rim_tcp_server_options_init(&defaults, sizeof defaults));
    CHECK_OK(rim_tcp_client_options_init(&client_defaults, sizeof client_defaults));
    CHECK(defaults.max_queued_total == 268435456 && defaults.timeout_us == 3600000000u);
    CHECK(client_defaults.timeout_us == RIM_DEFAULT_TIMEOUT_US);
    CHECK(memcmp(&given, &defaults, sizeof given) == 0);
    CHECK(memcmp(&client_given, &client_defaults, sizeof client_given) == 0);

    given.max_transaction = 5000;
    given.max_outstanding = 6;
    given.max_connections = 7;
    given.max_queued = 8;
    given.min_access = 2;
    given.max_access = 9;
    given.handshake_timeout_us = 10;
    given.keep_alive_us = 11;
    given.max_queued_total = 12;
    given.timeout_us = 13;
    given.max_clients_per_address = 14;
    given.drop_after_close = 1;
    CHECK_OK(rim_tcp_server_set_options(server, &given));
    got = server_options();
    CHECK(memcmp(&given, &got, sizeof given) == 0);
    CHECK_OK(rim_tcp_server_set_timeout_us(server, 14));
    CHECK(server_options().timeout_us == 14);
    CHECK_OK(rim_tcp_server_set_timeout_us(server, RIM_FOREVER_US));
    CHECK(server_options().timeout_us == RIM_FOREVER_US);

    client_given.max_outstanding = 5;
    client_given.max_queued = 6;
    client_given.connect_timeout_us = 7000000;
    client_given.keep_alive_us = 8000000;
    client_given.timeout_us = 9;
    client_given.close_on_timeout = 1;
    CHECK_OK(rim_tcp_client_set_options(client, &client_given));
    client_got = client_options();
    CHECK(memcmp(&client_given, &client_got, sizeof client_given) == 0);

    /* 0 is the default again; so is what the program does not know. */
    memset(&given, 0, sizeof given);
    given.struct_size = sizeof given;
    CHECK_OK(rim_tcp_server_set_options(server, &given));
    got = server_options();
    CHECK(memcmp(&got, &defaults, sizeof got) == 0);
    client_given.struct_size = sizeof client_given.struct_size;
    CHECK_OK(rim_tcp_client_set_options(client, &client_given));
    client_got = client_options();
    CHECK(memcmp(&client_got, &client_defaults, sizeof client_got) == 0);
}

static void what_is_wrong_changes_nothing(void) {
    struct {
        rim_tcp_server_options known;
        uint64_t unknown;
    } newer;
    rim_tcp_server_options before = server_options(), after, wrong = before;
    rim_tcp_client_options mine = client_options();
    wrong.max_outstanding = 3;
    wrong.min_access = 8;
    wrong.max_access = 4;
    CHECK_STATUS(rim_tcp_server_set_options(server, &wrong), RIM_STATUS_INVALID_ARGUMENT);
    wrong = before;
    wrong.max_outstanding = 3;
    wrong.drop_after_close = 2;
    CHECK_STATUS(rim_tcp_server_set_options(server, &wrong), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("drop_after_close is 2");
    wrong = before;
    wrong.max_outstanding = 3;
    wrong.struct_size = 3;
    CHECK_STATUS(rim_tcp_server_set_options(server, &wrong), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("3 bytes");
    memset(&newer, 0, sizeof newer);
    newer.known.struct_size = sizeof newer;
    newer.known.max_outstanding = 3;
    newer.unknown = 1;
    CHECK_STATUS(rim_tcp_server_set_options(server, &newer.known), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("does not know");
    mine.struct_size = 0;
    CHECK_STATUS(rim_tcp_client_set_options(client, &mine), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("rim_tcp_client_options_init");

    CHECK_STATUS(rim_tcp_server_set_options(NULL, &before), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_set_options(server, NULL), RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'options'");
    CHECK_STATUS(rim_tcp_server_get_options(NULL, &after, sizeof after), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_options(server, NULL, sizeof after), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_get_options(server, &after, 0), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_set_options(NULL, &mine), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_set_options(client, NULL), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_get_options(NULL, &mine, sizeof mine), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_get_options(client, NULL, sizeof mine), RIM_STATUS_NULL_ARGUMENT);
    after = server_options();
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

/* A thread that waits inside rim_tcp_server_next gets more as soon as it may have more. */
static void more_come_when_max_outstanding_is_raised(void) {
    static uint8_t data[MOST][4];
    rim_tcp_server_options options = server_options();
    pthread_t thread;
    int n;
    options.max_outstanding = 1;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    CHECK(pthread_create(&thread, NULL, pull, NULL) == 0);
    for (n = 0; n < MOST; n++) {
        ask(data[n], LONG_US);
    }
    counter_wait(&pulls, 1);
    sleep_ms(100);
    CHECK(counter_get(&pulls) == 1 && stats().traffic.outstanding == 1);
    /* One at a time still: the next comes when the one before it has completed. */
    complete(0, 1);
    counter_wait(&pulls, 2);
    sleep_ms(100);
    CHECK(counter_get(&pulls) == 2 && stats().traffic.most_outstanding == 1);

    options.max_outstanding = 8;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    counter_wait(&pulls, MOST);
    CHECK(stats().traffic.most_outstanding == 7);
    complete(1, MOST);
    counter_wait(&completions, MOST);
    CHECK(stats().traffic.outstanding == 0 && counter_get(&failures) == 0);
    CHECK_OK(rim_tcp_server_stop(server));
    CHECK(pthread_join(thread, NULL) == 0);
}

/* From here on, a server that has memory for a slave. */
static void serve(void) {
    rim_emulate* emulate;
    rim_slave* slave;
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_emulate_new(4, 0, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
    rim_emulate_free(emulate);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, RIM_FOREVER_US));
}

static void what_is_over_max_transaction_is_refused(void) {
    uint8_t data[128] = {0};
    rim_tcp_server_options options = server_options();
    CHECK_OK(rim_tcp_client_read(client, 0, data, sizeof data, LONG_US));
    options.max_transaction = 64;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    rim_tcp_client_free(client);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_STATUS(rim_tcp_client_read(client, 0, data, sizeof data, LONG_US), RIM_STATUS_FAILED);
    CHECK_SAYS("64");
    CHECK_SAYS("128");
    CHECK_STATUS(rim_tcp_client_write(client, 0, data, sizeof data, LONG_US), RIM_STATUS_FAILED);
    CHECK_SAYS("64");
    CHECK_OK(rim_tcp_client_read(client, 0, data, 64, LONG_US));
    CHECK(stats().traffic.refused == 2 && stats().traffic.reads.failed == 0);
}

static void connections_over_max_connections_are_closed(void) {
    rim_tcp_server_options options = server_options();
    rim_tcp_client* second;
    uint8_t data[4];
    options.max_connections = 2;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    /* That of a client which has gone may be there for a moment. */
    while (stats().connections != 2) {
        sleep_ms(5);
    }
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &second));
    while (stats().dropped_over_limit < 2) {
        sleep_ms(5);
    }
    CHECK_STATUS(rim_tcp_client_wait_link(second, RIM_LINK_CONNECTED, 1000), RIM_STATUS_TIMEOUT);
    CHECK_OK(rim_tcp_client_read(client, 0, data, 4, LONG_US));
    options.max_connections = 0;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    CHECK_OK(rim_tcp_client_read(second, 0, data, 4, LONG_US));
    CHECK(stats().connections == 4);
    rim_tcp_client_free(second);
}

static void who_does_not_greet_in_time_is_dropped(void) {
    rim_tcp_server_options options = server_options();
    struct sockaddr_in address;
    char byte;
    int mute = socket(AF_INET, SOCK_STREAM, 0);
    options.handshake_timeout_us = 50000;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(mute, (struct sockaddr*)&address, sizeof address) == 0);
    /* The server's greeting, and then the end. */
    while (read(mute, &byte, 1) > 0) {
    }
    while (stats().dropped_handshake == 0) {
        sleep_ms(5);
    }
    CHECK(stats().dropped_handshake == 1);
    close(mute);
}

static rim_transaction* kept;
static counter kept_count = COUNTER_INIT;

static void keep(void* user, rim_transaction* transaction) {
    (void)user;
    kept = transaction;
    counter_add(&kept_count);
}

static void* answer_late(void* unused) {
    (void)unused;
    counter_wait(&kept_count, 2);
    /* Longer than a client's default. */
    sleep_ms(1300);
    CHECK_OK(rim_transaction_done(kept));
    rim_transaction_free(kept);
    return NULL;
}

/* The client's timeout, and the server's. */
static void timeouts(void) {
    uint8_t data[4];
    rim_slave* slave;
    pthread_t thread;
    rim_tcp_client_options mine = client_options();
    rim_tcp_server_options options = server_options();
    CHECK_OK(rim_slave_new(4, 0, keep, NULL, NULL, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
    mine.timeout_us = 50000;
    CHECK_OK(rim_tcp_client_set_options(client, &mine));
    CHECK_STATUS(rim_tcp_client_read(client, 0, data, 4, 0), RIM_STATUS_TIMEOUT);
    counter_wait(&kept_count, 1);
    rim_transaction_free(kept);
    mine.timeout_us = LONG_US;
    CHECK_OK(rim_tcp_client_set_options(client, &mine));
    CHECK(pthread_create(&thread, NULL, answer_late, NULL) == 0);
    CHECK_OK(rim_tcp_client_read(client, 0, data, 4, 0));
    CHECK(pthread_join(thread, NULL) == 0);

    options.timeout_us = 50000;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    CHECK_STATUS(rim_tcp_client_read(client, 0, data, 4, LONG_US), RIM_STATUS_FAILED);
    CHECK_SAYS("Timeout");
    CHECK_STATUS(rim_transaction_done(kept), RIM_STATUS_EXPIRED);
    rim_transaction_free(kept);
    CHECK(stats().traffic.timed_out == 1);
    options.timeout_us = 0;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
}

static void* raise_later(void* unused) {
    rim_tcp_client_options mine = client_options();
    (void)unused;
    sleep_ms(100);
    mine.max_outstanding = 2;
    CHECK_OK(rim_tcp_client_set_options(client, &mine));
    return NULL;
}

/* Who is held back goes on when the client's max_outstanding is raised. */
static void who_is_held_back_goes_on(void) {
    static uint8_t data[4];
    rim_transaction* first;
    pthread_t thread;
    rim_tcp_client_options mine = client_options();
    int completed_before = counter_get(&completions), kept_before = counter_get(&kept_count);
    mine.max_outstanding = 1;
    CHECK_OK(rim_tcp_client_set_options(client, &mine));
    ask(data, LONG_US);
    counter_wait(&kept_count, kept_before + 1);
    first = kept;
    /* Held back, and given up. */
    ask(data, 30000);
    CHECK(counter_get(&failures) == 1 && counter_get(&kept_count) == kept_before + 1);
    CHECK(pthread_create(&thread, NULL, raise_later, NULL) == 0);
    ask(data, LONG_US);
    CHECK(pthread_join(thread, NULL) == 0);
    counter_wait(&kept_count, kept_before + 2);
    CHECK_OK(rim_transaction_done(first));
    CHECK_OK(rim_transaction_done(kept));
    rim_transaction_free(first);
    rim_transaction_free(kept);
    counter_wait(&completions, completed_before + 2);
    CHECK(counter_get(&failures) == 1);
}

/* The access sizes of a program that pulls. */
static void access_sizes_of_a_polled_server(void) {
    static uint8_t data[8];
    rim_transaction* transaction = NULL;
    rim_tcp_server_options options;
    int failed = counter_get(&failures), done = counter_get(&completions);
    rim_status status;
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    options = server_options();
    options.min_access = 8;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    ask(data, LONG_US);
    while (counter_get(&failures) == failed) {
        CHECK_STATUS(rim_tcp_server_next(server, 2000, &transaction), RIM_STATUS_TIMEOUT);
    }
    options.min_access = 4;
    CHECK_OK(rim_tcp_server_set_options(server, &options));
    ask(data, LONG_US);
    do {
        status = rim_tcp_server_next(server, 2000, &transaction);
    } while (status == RIM_STATUS_TIMEOUT);
    CHECK_OK(status);
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    counter_wait(&completions, done + 1);
}

int main(void) {
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    what_is_set_is_told();
    what_is_wrong_changes_nothing();
    more_come_when_max_outstanding_is_raised();
    serve();
    what_is_over_max_transaction_is_refused();
    serve();
    connections_over_max_connections_are_closed();
    who_does_not_greet_in_time_is_dropped();
    timeouts();
    who_is_held_back_goes_on();
    access_sizes_of_a_polled_server();
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    return 0;
}
