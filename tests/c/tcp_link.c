/* The state of a client's link, asked for and waited for. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static rim_tcp_server* server;
static rim_tcp_client* client;
static uint16_t port;

/* A server at the port, which may have had one before. */
static void serve(void) {
    rim_emulate* emulate;
    rim_slave* slave;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", port, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_emulate_new(4, 0, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
    rim_emulate_free(emulate);
}

static uint32_t state(void) {
    uint32_t now = 0;
    CHECK_OK(rim_tcp_client_link_state(client, &now));
    return now;
}

/* What the other thread waits for, one after the other. */
static const uint32_t sequence[] = {RIM_LINK_CONNECTING, RIM_LINK_CONNECTED, RIM_LINK_LOST,
                                    RIM_LINK_CONNECTED, RIM_LINK_STOPPED};
enum { STEPS = sizeof sequence / sizeof sequence[0] };
static counter seen = COUNTER_INIT;

static void* follow(void* unused) {
    int n;
    (void)unused;
    for (n = 0; n < STEPS; n++) {
        CHECK_OK(rim_tcp_client_wait_link(client, sequence[n], RIM_FOREVER_US));
        counter_add(&seen);
    }
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_LOST, RIM_FOREVER_US),
                 RIM_STATUS_STOPPED);
    CHECK_SAYS("stopped");
    return NULL;
}

static void* wait_in_vain(void* unused) {
    (void)unused;
    counter_add(&seen);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_LOST, RIM_FOREVER_US),
                 RIM_STATUS_STOPPED);
    return NULL;
}

static void what_is_wrong_is_told(void) {
    uint32_t now = 77;
    CHECK_STATUS(rim_tcp_client_link_state(NULL, &now), RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'client'");
    CHECK_STATUS(rim_tcp_client_link_state(client, NULL), RIM_STATUS_NULL_ARGUMENT);
    CHECK_SAYS("'state'");
    CHECK_STATUS(rim_tcp_client_wait_link(NULL, RIM_LINK_LOST, 0), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_wait_link(client, 0, 0), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("0 is not a state");
    CHECK_STATUS(rim_tcp_client_wait_link(client, 5, RIM_FOREVER_US), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("5 is not a state");
    CHECK(now == 77);
}

static counter called = COUNTER_INIT;

/* Whether it waits at all, even for what is there, and even with no time to wait. */
static void nothing_waits_in_here(void* user, rim_status status, const char* error) {
    (void)user;
    (void)error;
    CHECK(status == RIM_STATUS_OK);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, 0), RIM_STATUS_BUSY);
    CHECK(state() == RIM_LINK_CONNECTED);
    counter_add(&called);
}

/* Nobody calls rim_tcp_server_next: the system accepts connections, and that is all. */
static void a_server_that_is_not_pulled_is_silent(void) {
    rim_tcp_server* quiet;
    rim_tcp_client* asking;
    uint16_t place;
    uint32_t word;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &quiet));
    CHECK_OK(rim_tcp_server_port(quiet, &place));
    CHECK_OK(rim_tcp_client_new("127.0.0.1", place, NULL, &asking));
    CHECK_STATUS(rim_tcp_client_read(asking, 0, &word, 4, 300000), RIM_STATUS_SILENT);
    CHECK_SAYS("silent");
    CHECK(strcmp(rim_status_name(RIM_STATUS_SILENT), "RIM_STATUS_SILENT") == 0);
    rim_tcp_client_free(asking);
    rim_tcp_server_free(quiet);
}

static void a_port_in_the_address_is_refused(void) {
    rim_tcp_client* none;
    rim_tcp_server* neither;
    CHECK_STATUS(rim_tcp_client_new("board:8000", 8000, NULL, &none), RIM_STATUS_BAD_ADDRESS);
    CHECK_SAYS("give \"board\" as the address, and the port 8000 as a number of its own");
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1:8000", 0, NULL, &neither), RIM_STATUS_BAD_ADDRESS);
    CHECK_SAYS("as a number of its own");
    CHECK_STATUS(rim_tcp_client_new("fe80::1", 8000, NULL, &none), RIM_STATUS_BAD_ADDRESS);
    CHECK_SAYS("fe80::1%eth0");
}

int main(void) {
    static uint8_t data[4];
    pthread_t thread, vain;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    a_server_that_is_not_pulled_is_silent();
    a_port_in_the_address_is_refused();
    /* A port that nobody listens at. */
    serve();
    rim_tcp_server_free(server);

    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    what_is_wrong_is_told();
    CHECK(state() == RIM_LINK_CONNECTING);
    CHECK(pthread_create(&thread, NULL, follow, NULL) == 0);
    counter_wait(&seen, 1);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, 0), RIM_STATUS_TIMEOUT);
    CHECK_SAYS("connecting");
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, 300000), RIM_STATUS_TIMEOUT);
    CHECK_SAYS("the link is connecting, not connected");
    CHECK_SAYS("refused");
    CHECK_SAYS("127.0.0.1");

    serve();
    counter_wait(&seen, 2);
    CHECK(state() == RIM_LINK_CONNECTED);
    CHECK_OK(rim_tcp_client_request(client, 0, data, 4, RIM_READ, 20000000, nothing_waits_in_here,
                                    NULL, NULL));
    counter_wait(&called, 1);

    rim_tcp_server_free(server);
    counter_wait(&seen, 3);
    CHECK(state() == RIM_LINK_LOST);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTED, 10000), RIM_STATUS_TIMEOUT);
    CHECK_SAYS("the link is lost, not connected");

    serve();
    counter_wait(&seen, 4);
    CHECK(state() == RIM_LINK_CONNECTED);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_CONNECTING, 10000), RIM_STATUS_TIMEOUT);
    CHECK_SAYS("the link is connected, not connecting");

    CHECK(pthread_create(&vain, NULL, wait_in_vain, NULL) == 0);
    counter_wait(&seen, 5);
    CHECK_OK(rim_tcp_client_stop(client));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_join(vain, NULL) == 0);
    CHECK(counter_get(&seen) == STEPS + 1);
    CHECK(state() == RIM_LINK_STOPPED);
    CHECK_OK(rim_tcp_client_wait_link(client, RIM_LINK_STOPPED, 0));
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    return 0;
}
