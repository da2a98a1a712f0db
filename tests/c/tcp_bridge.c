/* A server that calls a slave and a client that asks it, in one process: blocking and asynchronous.
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static counter finalized = COUNTER_INIT;

static void finalize(void* user) {
    (void)user;
    counter_add(&finalized);
}

typedef struct {
    uint8_t memory[4096];
    counter calls;
    uint32_t last_type;
} device;

/* Its memory, and a place that always fails, and one that never answers. */
static void carry_out(void* user, rim_transaction* transaction) {
    device* self = user;
    const rim_transaction_info info = info_of(transaction);
    size_t size;
    uint8_t* data;
    self->last_type = info.type;
    counter_add(&self->calls);
    if (info.address == 0xbad0) {
        CHECK_OK(rim_transaction_fail(transaction, "the device says no"));
    } else if (info.address == 0xdead0) {
        sleep_ms(400);
        /* Whether it is still wanted or not: the handle is freed. */
        rim_transaction_done(transaction);
    } else {
        CHECK_OK(rim_transaction_lock(transaction, &data, &size));
        CHECK(size == info.size && info.address + size <= sizeof self->memory);
        if (info.type == RIM_WRITE || info.type == RIM_POST) {
            memcpy(self->memory + info.address, data, size);
        } else {
            memcpy(data, self->memory + info.address, size);
        }
        CHECK_OK(rim_transaction_done(transaction));
    }
    rim_transaction_free(transaction);
}

static device self = {{0}, COUNTER_INIT, 0};
static rim_tcp_server* server;
static rim_tcp_client* client;
static uint16_t port;

static void start(void) {
    rim_slave* slave;
    rim_transaction* none = NULL;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK(port != 0);
    CHECK_OK(rim_slave_new(4, 1024, carry_out, &self, finalize, &slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    CHECK_OK(rim_tcp_server_set_slave(server, slave));
    rim_slave_free(slave);
    CHECK_STATUS(rim_tcp_server_next(server, 0, &none), RIM_STATUS_BUSY);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
}

static void blocking(void) {
    static const uint8_t out[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t in[8] = {0};
    rim_tcp_server_stats stats;
    int n;
    /* The first one is sent as soon as the connection is up. */
    CHECK_OK(rim_tcp_client_write(client, 0x100, out, 8, 10000000));
    CHECK(self.last_type == RIM_WRITE);
    CHECK_OK(rim_tcp_client_wait_ready(client, 10000000, 100000));
    /* The two times swapped. */
    CHECK_STATUS(rim_tcp_client_wait_ready(client, 100000, 10000000), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("longer than the timeout");
    CHECK_OK(rim_tcp_client_read(client, 0x100, in, 8, 10000000));
    CHECK(self.last_type == RIM_READ && memcmp(in, out, 8) == 0);
    CHECK_OK(rim_tcp_client_post(client, 0x200, out, 8, 10000000));
    CHECK_OK(rim_tcp_client_verify(client, 0x200, in, 8, 10000000));
    CHECK(self.last_type == RIM_VERIFY && memcmp(in, out, 8) == 0);

    CHECK_STATUS(rim_tcp_client_read(client, 0xbad0, in, 8, 10000000), RIM_STATUS_FAILED);
    CHECK_SAYS("the device says no");
    CHECK_STATUS(rim_tcp_client_read(client, 0, in, 2, 10000000), RIM_STATUS_FAILED);
    CHECK_SAYS("minimum access of 4");
    CHECK_STATUS(rim_tcp_client_read(client, 0xdead0, in, 8, 50000), RIM_STATUS_TIMEOUT);
    CHECK_OK(rim_tcp_client_read(client, 0x100, in, 8, 10000000));

    CHECK_OK(rim_tcp_client_post(client, 0xbad0, out, 8, 10000000));
    for (n = 0; n < 1000; n++) {
        CHECK_OK(rim_tcp_server_get_stats(server, &stats, sizeof stats));
        if (stats.failed_posts == 1) {
            break;
        }
        sleep_ms(10);
    }
    CHECK(stats.failed_posts == 1);
}

/* One asynchronous request. */
typedef struct {
    counter done;
    counter ended;
    uint8_t data[4];
    rim_status status;
    char text[256];
} request;

static const request empty = {COUNTER_INIT, COUNTER_INIT, {0}, -1, {0}};

static void completed(void* user, rim_status status, const char* error) {
    request* mine = user;
    uint8_t data[4];
    mine->status = status;
    snprintf(mine->text, sizeof mine->text, "%s", error);
    /* Nothing waits in here. */
    CHECK_STATUS(rim_tcp_client_read(client, 0, data, 4, 0), RIM_STATUS_BUSY);
    CHECK_STATUS(rim_tcp_client_wait_ready(client, 1000, 1000), RIM_STATUS_BUSY);
    counter_add(&mine->done);
}

static void ended(void* user) {
    request* mine = user;
    CHECK(counter_get(&mine->done) == 1);
    counter_add(&mine->ended);
}

static void ask(request* mine, uint32_t type, uint64_t address, uint64_t timeout_us) {
    CHECK_OK(rim_tcp_client_request(client, address, mine->data, 4, type, timeout_us, completed,
                                    mine, ended));
}

static void asynchronous(void) {
    enum { COUNT = 100 };
    static request requests[COUNT];
    request one = empty;
    uint32_t n;
    for (n = 0; n < COUNT; n++) {
        requests[n] = empty;
        memcpy(requests[n].data, &n, 4);
        ask(&requests[n], RIM_WRITE, 4 * n, 20000000);
    }
    for (n = 0; n < COUNT; n++) {
        counter_wait(&requests[n].ended, 1);
        CHECK(requests[n].status == RIM_STATUS_OK && requests[n].text[0] == 0);
        requests[n] = empty;
        ask(&requests[n], RIM_READ, 4 * n, 20000000);
    }
    for (n = 0; n < COUNT; n++) {
        counter_wait(&requests[n].ended, 1);
        CHECK(requests[n].status == RIM_STATUS_OK && memcmp(requests[n].data, &n, 4) == 0);
    }
    ask(&one, RIM_READ, 0xbad0, 0);
    counter_wait(&one.ended, 1);
    CHECK(one.status == RIM_STATUS_FAILED && strstr(one.text, "the device says no") != NULL);

    /* Nobody waits for it, and yet its time ends. */
    one = empty;
    ask(&one, RIM_READ, 0xdead0, 50000);
    counter_wait(&one.ended, 1);
    CHECK(one.status == RIM_STATUS_TIMEOUT);

    /* What is not accepted is not called back. */
    one = empty;
    CHECK_STATUS(rim_tcp_client_request(client, 0, one.data, 4, 5, 0, completed, &one, ended),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(
        rim_tcp_client_request(client, 0, one.data, 0, RIM_READ, 0, completed, &one, ended),
        RIM_STATUS_SIZE);
    CHECK_STATUS(rim_tcp_client_request(client, 0, NULL, 4, RIM_READ, 0, completed, &one, ended),
                 RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_request(client, 0, one.data, 4, RIM_READ, 0, NULL, &one, ended),
                 RIM_STATUS_NULL_ARGUMENT);
    CHECK(counter_get(&one.done) == 0 && counter_get(&one.ended) == 0);
}

/* A callback asks for the next one, until there have been enough. */
typedef struct {
    counter done;
    uint8_t data[4];
    int left;
} chain;

static void next_link(void* user, rim_status status, const char* error) {
    chain* mine = user;
    (void)error;
    CHECK(status == RIM_STATUS_OK);
    if (--mine->left > 0) {
        CHECK_OK(rim_tcp_client_request(client, 0, mine->data, 4, RIM_READ, 20000000, next_link,
                                        mine, NULL));
    } else {
        counter_add(&mine->done);
    }
}

static void a_callback_may_ask_again(void) {
    chain mine = {COUNTER_INIT, {0}, 50};
    CHECK_OK(rim_tcp_client_request(client, 0, mine.data, 4, RIM_READ, 20000000, next_link, &mine,
                                    NULL));
    counter_wait(&mine.done, 1);
    CHECK(mine.left == 0);
}

static void a_master_on_the_client(void) {
    uint8_t out[2048], in[2048];
    uint32_t id;
    size_t n;
    rim_master* master;
    rim_hub* hub;
    rim_slave *remote, *branch;
    for (n = 0; n < sizeof out; n++) {
        out[n] = (uint8_t)(n * 3);
    }
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_timeout_us(master, 20000000));
    CHECK_OK(rim_hub_new(0x400, 0, 0, &hub));
    CHECK_OK(rim_tcp_client_as_slave(client, &remote));
    CHECK_OK(rim_slave_set_name(remote, "remote"));
    CHECK_OK(rim_hub_set_slave(hub, remote));
    CHECK_OK(rim_hub_as_slave(hub, &branch));
    CHECK_OK(rim_master_set_slave(master, branch));
    rim_slave_free(remote);
    rim_slave_free(branch);
    rim_hub_free(hub);
    CHECK_OK(rim_master_request(master, 0, out, 1024, RIM_WRITE, &id));
    CHECK_OK(rim_master_request(master, 1024, out + 1024, 1024, RIM_WRITE, &id));
    CHECK_OK(rim_master_wait(master, 0));
    CHECK_OK(rim_master_request(master, 0, in, 1024, RIM_READ, &id));
    CHECK_OK(rim_master_request(master, 1024, in + 1024, 1024, RIM_READ, &id));
    CHECK_OK(rim_master_wait(master, 0));
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK(memcmp(self.memory + 0x400, out, sizeof out) == 0);
    rim_master_free(master);
}

static void* reader(void* argument) {
    uint8_t in[4];
    int n;
    (void)argument;
    for (n = 0; n < 50; n++) {
        CHECK_OK(rim_tcp_client_read(client, 0x400, in, 4, 20000000));
        CHECK(memcmp(in, self.memory + 0x400, 4) == 0);
    }
    return NULL;
}

static void many_threads(void) {
    pthread_t threads[4];
    int n;
    for (n = 0; n < 4; n++) {
        CHECK(pthread_create(&threads[n], NULL, reader, NULL) == 0);
    }
    for (n = 0; n < 4; n++) {
        CHECK(pthread_join(threads[n], NULL) == 0);
    }
}

static void stopping(void) {
    request under_way = empty, after = empty;
    uint8_t in[4];
    int calls = counter_get(&self.calls);
    rim_transaction* none = NULL;
    rim_slave* slave;

    ask(&under_way, RIM_READ, 0xdead0, 60000000);
    counter_wait(&self.calls, calls + 1);
    CHECK_OK(rim_tcp_client_stop(client));
    counter_wait(&under_way.ended, 1);
    CHECK(under_way.status == RIM_STATUS_STOPPED);
    CHECK_STATUS(rim_tcp_client_read(client, 0, in, 4, 60000000), RIM_STATUS_STOPPED);
    CHECK_SAYS("stopped");
    ask(&after, RIM_READ, 0, 60000000);
    counter_wait(&after.ended, 1);
    CHECK(after.status == RIM_STATUS_STOPPED);
    CHECK_OK(rim_tcp_client_stop(client));
    rim_tcp_client_free(client);

    CHECK_OK(rim_tcp_server_stop(server));
    CHECK_OK(rim_tcp_server_stop(server));
    CHECK_STATUS(rim_tcp_server_next(server, RIM_FOREVER_US, &none), RIM_STATUS_STOPPED);
    CHECK_OK(rim_slave_new(4, 0, carry_out, &self, NULL, &slave));
    CHECK_STATUS(rim_tcp_server_set_slave(server, slave), RIM_STATUS_STOPPED);
    rim_slave_free(slave);
    rim_tcp_server_free(server);
    /* The slave was at work for longer than a stop waits: its thread lets go of it when it ends. */
    counter_wait(&finalized, 1);
}

/* Nobody is there: the failure says so, and its callback runs though nobody waits. */
static void no_server(void) {
    request one = empty;
    uint8_t in[4];
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_STATUS(rim_tcp_client_wait_ready(client, 20000, 5000), RIM_STATUS_TIMEOUT);
    CHECK_STATUS(rim_tcp_client_read(client, 0, in, 4, 1000000), RIM_STATUS_REFUSED);
    CHECK_SAYS("refused");
    CHECK_SAYS("127.0.0.1");
    ask(&one, RIM_READ, 0, 1000000);
    counter_wait(&one.ended, 1);
    CHECK(one.status == RIM_STATUS_REFUSED);
    rim_tcp_client_free(client);
}

static rim_tcp_server* stopping_itself;

static void stop_own_server(void* user, rim_transaction* transaction) {
    (void)user;
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    rim_tcp_server_free(stopping_itself);
}

static void free_own_client(void* user, rim_status status, const char* error) {
    (void)status;
    (void)error;
    rim_tcp_client_free(client);
    counter_add(user);
}

static void callbacks_may_free_their_own_endpoint(void) {
    counter done = COUNTER_INIT;
    int before = counter_get(&finalized);
    uint8_t in[4];
    rim_slave* slave;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &stopping_itself));
    CHECK_OK(rim_tcp_server_port(stopping_itself, &port));
    CHECK_OK(rim_slave_new(4, 0, stop_own_server, NULL, finalize, &slave));
    CHECK_OK(rim_tcp_server_set_slave(stopping_itself, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_OK(
        rim_tcp_client_request(client, 0, in, 4, RIM_READ, 10000000, free_own_client, &done, NULL));
    counter_wait(&done, 1);
    counter_wait(&finalized, before + 1);
}

int main(void) {
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    start();
    blocking();
    asynchronous();
    a_callback_may_ask_again();
    a_master_on_the_client();
    many_threads();
    stopping();
    no_server();
    callbacks_may_free_their_own_endpoint();
    return 0;
}
