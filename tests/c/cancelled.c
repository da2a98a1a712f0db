/*
 * A thread that is cancelled (pthread_cancel) inside a call comes out of it with the result, and is
 * cancelled afterwards. So it is when it was cancelled before the call: each function is called so.
 * User code that the library calls cannot be cancelled, whatever thread it runs on.
 */
#define _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

static rim_tcp_server *server, *polled;
static rim_tcp_client* client;
static uint16_t port;

static int state(void) {
    int now, unused;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &now) == 0);
    CHECK(pthread_setcancelstate(now, &unused) == 0);
    return now;
}

static counter called = COUNTER_INIT;

/* A slave that takes its time, and cancels the thread that it runs on. */
static void slowly(void* user, rim_transaction* transaction) {
    (void)user;
    CHECK(state() == PTHREAD_CANCEL_DISABLE);
    CHECK(pthread_cancel(pthread_self()) == 0);
    sleep_ms(100);
    pthread_testcancel();
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    counter_add(&called);
}

static void complete(void* user, rim_status status, const char* error) {
    (void)user, (void)status, (void)error;
    CHECK(state() == PTHREAD_CANCEL_DISABLE);
    sleep_ms(1);
    counter_add(&called);
}

static void finish(void* user) {
    (void)user;
    CHECK(state() == PTHREAD_CANCEL_DISABLE);
    counter_add(&called);
}

static counter entered = COUNTER_INIT, returned = COUNTER_INIT;

static void* read_slowly(void* unused) {
    uint32_t word = 7;
    (void)unused;
    counter_add(&entered);
    CHECK_OK(rim_tcp_client_read(client, 0, &word, 4, PATIENCE));
    CHECK(word == 0 && state() == PTHREAD_CANCEL_ENABLE);
    counter_add(&returned);
    pthread_testcancel();
    return NULL;
}

static void* pull(void* unused) {
    rim_transaction* transaction;
    (void)unused;
    counter_add(&entered);
    CHECK_STATUS(rim_tcp_server_next(polled, 300000, &transaction), RIM_STATUS_TIMEOUT);
    counter_add(&returned);
    pthread_testcancel();
    return NULL;
}

static void* await_the_link(void* unused) {
    (void)unused;
    counter_add(&entered);
    CHECK_STATUS(rim_tcp_client_wait_link(client, RIM_LINK_LOST, 300000), RIM_STATUS_TIMEOUT);
    counter_add(&returned);
    pthread_testcancel();
    return NULL;
}

/* Cancelled while it waits: it comes back from the call, and is gone after it. */
static void cancel_inside(void* (*run)(void*)) {
    pthread_t thread;
    void* result;
    const int before = counter_get(&returned), inside = counter_get(&entered);
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    counter_wait(&entered, inside + 1);
    sleep_ms(50);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(counter_get(&returned) == before + 1);
}

/* Calls everything with the cancellation of the thread waiting for it. */
static void* call_everything(void* unused) {
    rim_tcp_server* other;
    rim_tcp_client *another, *refused;
    rim_master* master;
    rim_slave* slave;
    rim_transaction* transaction;
    rim_tcp_client_stats stats;
    rim_tcp_server_stats served;
    uint32_t word = 1, id;
    uint8_t* data;
    int before, unused_state;
    size_t size;
    bool expired;
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_OK(rim_log_set_level(RIM_LOG_DEBUG));
    CHECK_OK(rim_log(RIM_LOG_ERROR, "memory.test", "a line"));
    CHECK_OK(rim_tcp_server_new("localhost", 0, NULL, &other));
    CHECK_OK(rim_tcp_server_port(other, &port));
    another = client_of(port);
    CHECK_OK(rim_tcp_client_as_slave(another, &slave));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_master_request(master, 0, &word, 4, RIM_WRITE, &id));
    CHECK_OK(rim_tcp_server_next(other, PATIENCE, &transaction));
    CHECK_OK(rim_transaction_lock(transaction, &data, &size));
    CHECK_OK(rim_transaction_unlock(transaction));
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    CHECK_OK(rim_master_wait(master, 0));
    CHECK_OK(
        rim_tcp_client_request(another, 0, &word, 4, RIM_READ, PATIENCE, complete, NULL, finish));
    CHECK_OK(rim_tcp_client_get_stats(another, &stats, sizeof stats));
    CHECK_OK(rim_tcp_server_get_stats(other, &served, sizeof served));
    CHECK_OK(rim_tcp_client_wait_link(another, RIM_LINK_CONNECTED, PATIENCE));
    CHECK_OK(rim_tcp_client_post(another, 0, &word, 4, PATIENCE));
    rim_tcp_server_free(other);
    /* Nobody is there: it waits out its time. */
    refused = client_of(port);
    CHECK(rim_tcp_client_read(refused, 0, &word, 4, 100000) != RIM_STATUS_OK);
    CHECK(rim_tcp_client_wait_ready(refused, 100000, 10000) == RIM_STATUS_TIMEOUT);
    rim_tcp_client_free(refused);
    rim_master_free(master);
    CHECK_OK(rim_tcp_client_stop(another));
    rim_tcp_client_free(another);
    CHECK_OK(rim_log_set_level(RIM_LOG_ERROR));
    /* Whoever had it disabled has it so still. */
    CHECK(state() == PTHREAD_CANCEL_ENABLE);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0);
    CHECK(rim_tcp_client_link_state(client, &word) == RIM_STATUS_OK);
    CHECK(rim_transaction_expired(NULL, &expired) == RIM_STATUS_NULL_ARGUMENT);
    CHECK(state() == PTHREAD_CANCEL_DISABLE);
    CHECK(pthread_setcancelstate(before, &unused_state) == 0);
    counter_add(&returned);
    pthread_testcancel();
    return NULL;
}

int main(void) {
    rim_slave* slave;
    pthread_t thread;
    void* result;
    check_begin();
    CHECK_OK(rim_log_set_stdout(true));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_slave_new(4, 4096, slowly, NULL, finish, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &polled));
    client = client_of(port);
    cancel_inside(read_slowly);
    cancel_inside(await_the_link);
    cancel_inside(pull);
    CHECK(pthread_create(&thread, NULL, call_everything, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && counter_get(&returned) == 4);
    /* The completion, its finalizer; the slave's thread is still there. */
    CHECK(counter_get(&called) == 3);
    CHECK(pthread_create(&thread, NULL, read_slowly, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == NULL);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    rim_tcp_server_free(polled);
    CHECK(counter_get(&called) == 5);
    return 0;
}
