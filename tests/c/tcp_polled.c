/* A server that is polled by the program's only thread, as a simulator does it. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static rim_tcp_server* server;
static uint16_t port;

/* The client side, on a thread of its own. */
typedef struct {
    uint32_t type;
    uint64_t address;
    uint8_t data[8];
    uint32_t size;
    rim_status status;
    char text[256];
} job;

static void* run_job(void* argument) {
    job* self = argument;
    rim_tcp_client* client;
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    self->status =
        self->type == RIM_WRITE
            ? rim_tcp_client_write(client, self->address, self->data, self->size, 20000000)
            : rim_tcp_client_read(client, self->address, self->data, self->size, 20000000);
    if (self->status != RIM_STATUS_OK) {
        snprintf(self->text, sizeof self->text, "%s", rim_last_error());
    }
    rim_tcp_client_free(client);
    return NULL;
}

/* Polls in small steps, as a program does that has other things to do. */
static rim_transaction* pull(void) {
    rim_transaction* transaction = NULL;
    rim_status status;
    do {
        status = rim_tcp_server_next(server, 2000, &transaction);
    } while (status == RIM_STATUS_TIMEOUT);
    CHECK_OK(status);
    CHECK(transaction != NULL);
    return transaction;
}

/* As pull, never waiting at all. */
static rim_transaction* spin(void) {
    rim_transaction* transaction = NULL;
    rim_status status;
    do {
        status = rim_tcp_server_next(server, 0, &transaction);
    } while (status == RIM_STATUS_TIMEOUT);
    CHECK_OK(status);
    return transaction;
}

static void reads_and_writes(void) {
    job work = {RIM_WRITE, 0x1234567890, "abcdefg", 8, -1, {0}};
    uint8_t* data;
    size_t size;
    rim_transaction_info info;
    pthread_t thread;
    rim_transaction* transaction;

    CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
    transaction = pull();
    info = info_of(transaction);
    CHECK(info.address == 0x1234567890 && info.type == RIM_WRITE && info.size == 8);
    CHECK_OK(rim_transaction_lock(transaction, &data, &size));
    CHECK(size == 8 && memcmp(data, "abcdefg", 8) == 0);
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(work.status == RIM_STATUS_OK);

    work.type = RIM_READ;
    CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
    transaction = spin();
    CHECK_OK(rim_transaction_lock(transaction, &data, &size));
    /* What is not filled in is not left over from somewhere. */
    CHECK(size == 8 && memcmp(data, "\0\0\0\0\0\0\0\0", 8) == 0);
    memcpy(data, "qrstuvw", 8);
    CHECK_OK(rim_transaction_done(transaction));
    rim_transaction_free(transaction);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(work.status == RIM_STATUS_OK && memcmp(work.data, "qrstuvw", 8) == 0);
}

static void errors_reach_the_client(void) {
    job work = {RIM_READ, 0, {0}, 4, -1, {0}};
    pthread_t thread;
    rim_transaction* transaction;
    CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
    transaction = pull();
    CHECK_OK(rim_transaction_fail(transaction, "simulated fault"));
    rim_transaction_free(transaction);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(work.status == RIM_STATUS_FAILED && strstr(work.text, "simulated fault") != NULL);

    CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
    transaction = pull();
    rim_transaction_free(transaction);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(work.status == RIM_STATUS_FAILED && strstr(work.text, "without completing") != NULL);
}

/* Two are in the program's hands at a time; the later one is answered first. */
static void several_at_a_time(void) {
    job first = {RIM_READ, 0x10, {0}, 4, -1, {0}}, second = {RIM_READ, 0x20, {0}, 4, -1, {0}};
    uint64_t address;
    pthread_t threads[2];
    rim_transaction* held[2];
    int n;
    CHECK(pthread_create(&threads[0], NULL, run_job, &first) == 0);
    held[0] = pull();
    CHECK(pthread_create(&threads[1], NULL, run_job, &second) == 0);
    held[1] = pull();
    for (n = 1; n >= 0; n--) {
        address = info_of(held[n]).address;
        CHECK_OK(rim_transaction_copy_in(held[n], 0, &address, 4));
        CHECK_OK(rim_transaction_done(held[n]));
        rim_transaction_free(held[n]);
        CHECK(pthread_join(threads[n], NULL) == 0);
    }
    CHECK(first.status == RIM_STATUS_OK && first.data[0] == 0x10);
    CHECK(second.status == RIM_STATUS_OK && second.data[0] == 0x20);
}

/* A size outside the limits given in the options is refused without the program seeing it. */
static void sizes_are_checked(void) {
    rim_tcp_server_stats stats;
    job work = {RIM_READ, 0, {0}, 2, -1, {0}};
    pthread_t thread;
    rim_transaction* transaction = NULL;
    rim_tcp_server_options options;
    rim_tcp_server_free(server);
    CHECK_OK(rim_tcp_server_options_init(&options, sizeof options));
    CHECK(options.struct_size == sizeof options && options.max_transaction == 16777216);
    CHECK(options.min_access == 4 && options.max_access == 0 && options.keep_alive_us == 10000000);
    options.min_access = 4;
    options.max_access = 4;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, &options, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    for (; work.size <= 8; work.size += 6) {
        CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
        CHECK_STATUS(rim_tcp_server_next(server, 300000, &transaction), RIM_STATUS_TIMEOUT);
        CHECK(transaction == NULL);
        CHECK_SAYS("300000 us");
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(work.status == RIM_STATUS_FAILED && strstr(work.text, "access of 4 bytes") != NULL);
    }
    CHECK_OK(rim_tcp_server_get_stats(server, &stats, sizeof stats));
    CHECK(stats.failed_posts == 0);
}

typedef struct {
    rim_status status;
    counter entered;
} waiter;

static void* wait_for_ever(void* argument) {
    waiter* self = argument;
    rim_transaction* none = NULL;
    counter_add(&self->entered);
    do {
        /* Busy while the other thread looks whether this one is inside. */
        self->status = rim_tcp_server_next(server, RIM_FOREVER_US, &none);
    } while (self->status == RIM_STATUS_BUSY);
    CHECK(none == NULL);
    return NULL;
}

static void ignore(void* user, rim_transaction* transaction) {
    (void)user;
    rim_transaction_free(transaction);
}

static void stopping_wakes_who_waits(void) {
    waiter self = {-1, COUNTER_INIT};
    rim_transaction* none = NULL;
    rim_slave* slave;
    pthread_t thread;
    int n;
    CHECK_OK(rim_slave_new(4, 0, ignore, NULL, NULL, &slave));
    CHECK(pthread_create(&thread, NULL, wait_for_ever, &self) == 0);
    counter_wait(&self.entered, 1);
    /* Once it is inside, no other thread may pull, and the server cannot be given a slave. */
    for (n = 0; n < 1000; n++) {
        rim_status status = rim_tcp_server_next(server, 0, &none);
        if (status == RIM_STATUS_BUSY) {
            break;
        }
        CHECK(status == RIM_STATUS_TIMEOUT);
        sleep_ms(5);
    }
    CHECK(n < 1000);
    CHECK_STATUS(rim_tcp_server_set_slave(server, slave), RIM_STATUS_BUSY);
    CHECK_OK(rim_tcp_server_stop(server));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(self.status == RIM_STATUS_STOPPED);
    CHECK_STATUS(rim_tcp_server_next(server, 0, &none), RIM_STATUS_STOPPED);
    rim_slave_free(slave);
}

/* The slave may come after the server has been polled. */
static void a_slave_takes_over(void) {
    rim_transaction* none = NULL;
    uint8_t in[4] = {1, 1, 1, 1};
    rim_tcp_server* other;
    rim_tcp_client* client;
    rim_emulate* emulate;
    rim_slave* slave;
    CHECK_OK(rim_tcp_server_new("localhost", 0, NULL, &other));
    CHECK_OK(rim_tcp_server_port(other, &port));
    CHECK_STATUS(rim_tcp_server_next(other, 1000, &none), RIM_STATUS_TIMEOUT);
    CHECK_OK(rim_emulate_new(4, 0, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    CHECK_OK(rim_tcp_server_set_slave(other, slave));
    CHECK_OK(rim_tcp_client_new("localhost", port, NULL, &client));
    CHECK_OK(rim_tcp_client_read(client, 0, in, 4, 20000000));
    CHECK(memcmp(in, "\0\0\0\0", 4) == 0);
    rim_slave_free(slave);
    rim_emulate_free(emulate);
    rim_tcp_client_free(client);
    rim_tcp_server_free(other);
}

/* A time limit of the server's own, kept while it is pulled from. */
static void a_slow_program_is_given_up(void) {
    job work = {RIM_READ, 0, {0}, 4, -1, {0}};
    bool expired = false;
    pthread_t thread;
    rim_transaction *transaction, *none = NULL;
    rim_tcp_server_free(server);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_OK(rim_tcp_server_set_timeout_us(server, 50000));
    CHECK_OK(rim_tcp_server_set_timeout_us(server, 0));
    CHECK(pthread_create(&thread, NULL, run_job, &work) == 0);
    transaction = pull();
    while (!expired) {
        CHECK_STATUS(rim_tcp_server_next(server, 20000, &none), RIM_STATUS_TIMEOUT);
        CHECK_OK(rim_transaction_expired(transaction, &expired));
    }
    CHECK_STATUS(rim_transaction_done(transaction), RIM_STATUS_EXPIRED);
    rim_transaction_free(transaction);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(work.status == RIM_STATUS_FAILED && strstr(work.text, "Timeout") != NULL);
}

int main(void) {
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    reads_and_writes();
    errors_reach_the_client();
    several_at_a_time();
    sizes_are_checked();
    stopping_wakes_who_waits();
    a_slave_takes_over();
    a_slow_program_is_given_up();
    rim_tcp_server_free(server);
    return 0;
}
