/*
 * The end of a process with a server and a client that are at work: from main, by exit on another
 * thread, in a slave, in a callback, at exit. It ends, and with the status that it was given.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

enum { STATUS = 42 };

static rim_tcp_server* server;
static rim_tcp_client* client;
static uint8_t word[4];

static void* work(void* unused) {
    (void)unused;
    for (;;) {
        uint32_t value;
        rim_tcp_client_read(client, 0x40, &value, 4, PATIENCE);
    }
    return NULL;
}

/* Two threads that ask all the time. */
static void begin(void) {
    pthread_t thread;
    int n;
    CHECK_OK(rim_log_set_stdout(false));
    client = client_of(serve_memory(&server, NULL));
    exchange(client, 1);
    for (n = 0; n < 2; n++) {
        CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    }
    sleep_ms(5);
}

static void at_the_end_of_main(void* unused) {
    (void)unused;
    begin();
    exit(STATUS);
}

static void* exits(void* unused) {
    (void)unused;
    exit(STATUS);
    return NULL;
}

static void on_another_thread(void* unused) {
    pthread_t thread;
    (void)unused;
    begin();
    CHECK(pthread_create(&thread, NULL, exits, NULL) == 0);
    for (;;) {
        pause();
    }
}

static void main_ends_first(void* unused) {
    pthread_t thread;
    (void)unused;
    begin();
    CHECK(pthread_create(&thread, NULL, exits, NULL) == 0);
    pthread_exit(NULL);
}

static void exit_in_slave(void* unused, rim_transaction* transaction) {
    (void)unused;
    (void)transaction;
    exit(STATUS);
}

static void in_a_slave(void* unused) {
    rim_slave* slave;
    (void)unused;
    CHECK_OK(rim_log_set_stdout(false));
    client = client_of(serve_memory(&server, NULL));
    exchange(client, 1);
    CHECK_OK(rim_slave_new(4, 0, exit_in_slave, NULL, NULL, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_tcp_client_read(client, 0, word, 4, PATIENCE);
    pause();
}

static void exit_in_callback(void* unused, rim_status status, const char* error) {
    (void)unused;
    (void)status;
    (void)error;
    exit(STATUS);
}

static void in_a_callback(void* unused) {
    (void)unused;
    begin();
    CHECK_OK(rim_tcp_client_request(client, 0, word, 4, RIM_READ, PATIENCE, exit_in_callback, NULL,
                                    NULL));
    for (;;) {
        pause();
    }
}

static void free_all(void) {
    rim_tcp_client_stop(client);
    rim_tcp_server_stop(server);
    rim_tcp_server_free(server);
}

static void freed_at_exit(void* unused) {
    (void)unused;
    CHECK(atexit(free_all) == 0);
    begin();
    exit(STATUS);
}

static void last_words(void) { exchange(client, 7); }

static void asked_at_exit(void* unused) {
    (void)unused;
    CHECK(atexit(last_words) == 0);
    begin();
    exit(STATUS);
}

static void without_a_word(void* unused) {
    (void)unused;
    begin();
    _exit(STATUS);
}

/* What is there only begins: no server, a server that nobody pulls from. */
static void before_anything(void* unused) {
    rim_tcp_server* polled;
    uint16_t port;
    (void)unused;
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &polled));
    CHECK_OK(rim_tcp_server_port(polled, &port));
    client = client_of(port);
    CHECK_OK(rim_tcp_client_request(client, 0, word, 4, RIM_READ, PATIENCE, exit_in_callback, NULL,
                                    NULL));
    exit(STATUS);
}

int main(void) {
    static void (*const ways[])(void*) = {at_the_end_of_main, on_another_thread, main_ends_first,
                                          in_a_slave,         in_a_callback,     freed_at_exit,
                                          asked_at_exit,      without_a_word,    before_anything};
    enum { WAYS = sizeof ways / sizeof ways[0], ROUNDS = 8 };
    int n, status;
    check_begin();
    for (n = 0; n < WAYS * ROUNDS; n++) {
        status = ended(child(ways[n % WAYS], NULL));
        if (status != STATUS) {
            fprintf(stderr, "way %d\n", n % WAYS);
        }
        CHECK(status == STATUS);
    }
    return 0;
}
