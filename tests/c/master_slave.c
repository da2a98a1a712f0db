/* A master and slaves of the program's own: requests, waits, errors, timeouts, ownership. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

typedef struct {
    uint8_t memory[256];
    int calls;
    rim_transaction* kept;
} device;

static counter finalized = COUNTER_INIT;

static void finalize(void* user) {
    (void)user;
    counter_add(&finalized);
}

/* Carries out at once, and refuses what is outside the memory. */
static void carry_out(void* user, rim_transaction* transaction) {
    device* self = user;
    const rim_transaction_info info = info_of(transaction);
    self->calls += 1;
    if (info.address + info.size > sizeof self->memory) {
        CHECK_OK(rim_transaction_fail(transaction, "no such address: 100%s"));
    } else if (info.type == RIM_WRITE || info.type == RIM_POST) {
        CHECK_OK(rim_transaction_copy_out(transaction, 0, self->memory + info.address, info.size));
        CHECK_OK(rim_transaction_done(transaction));
    } else {
        CHECK_OK(rim_transaction_copy_in(transaction, 0, self->memory + info.address, info.size));
        CHECK_OK(rim_transaction_done(transaction));
    }
    rim_transaction_free(transaction);
}

/* Keeps the transaction for later. */
static void keep(void* user, rim_transaction* transaction) {
    device* self = user;
    self->kept = transaction;
}

/* Lets go of the transaction without a word. */
static void forget(void* user, rim_transaction* transaction) {
    (void)user;
    rim_transaction_free(transaction);
}

static rim_slave* slave_of(rim_transaction_fn function, void* user) {
    rim_slave* slave;
    CHECK_OK(rim_slave_new(4, 1024, function, user, finalize, &slave));
    return slave;
}

static void reads_and_writes(void) {
    device self = {{0}, 0, NULL};
    uint8_t out[8] = {1, 2, 3, 4, 5, 6, 7, 8}, in[8] = {0};
    uint32_t id, other;
    bool done;
    rim_master* master;
    rim_slave* slave = slave_of(carry_out, &self);
    int before = counter_get(&finalized);

    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK(counter_get(&finalized) == before);

    CHECK_OK(rim_master_request(master, 16, out, 8, RIM_WRITE, &id));
    CHECK(id != 0);
    CHECK_OK(rim_master_wait(master, id));
    CHECK(memcmp(self.memory + 16, out, 8) == 0);
    CHECK_OK(rim_master_request(master, 16, in, 8, RIM_READ, &other));
    CHECK(other != id);
    CHECK_OK(rim_master_is_done(master, other, &done));
    CHECK(done);
    CHECK_OK(rim_master_wait(master, 0));
    CHECK(memcmp(in, out, 8) == 0);
    CHECK_OK(rim_master_request(master, 0, out, 4, RIM_POST, &id));
    CHECK_OK(rim_master_request(master, 0, in, 4, RIM_VERIFY, &id));
    CHECK_OK(rim_master_wait(master, 0));
    CHECK(memcmp(in, out, 4) == 0);
    CHECK(self.calls == 4);
    /* An id that is not outstanding is none to wait for. */
    CHECK_OK(rim_master_wait(master, id));

    rim_master_free(master);
    CHECK(counter_get(&finalized) == before + 1);
}

static void errors_are_kept_until_cleared(void) {
    device self = {{0}, 0, NULL};
    uint8_t data[4] = {0};
    uint32_t id;
    rim_status status;
    char text[64];
    size_t length;
    rim_master* master;
    rim_slave* slave = slave_of(carry_out, &self);

    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_error(master, &status, text, sizeof text, &length));
    CHECK(status == RIM_STATUS_OK && length == 0 && text[0] == 0);

    CHECK_OK(rim_master_request(master, 1000, data, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    CHECK(strcmp(rim_last_error(), "no such address: 100%s") == 0);
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_master_wait(master, id));
    CHECK_OK(rim_master_error(master, &status, text, sizeof text, &length));
    CHECK(status == RIM_STATUS_FAILED && length == 22);
    CHECK(strcmp(text, "no such address: 100%s") == 0);
    CHECK_OK(rim_master_error(master, &status, text, 8, &length));
    CHECK(strcmp(text, "no such") == 0 && length == 22);
    CHECK_OK(rim_master_error(master, &status, NULL, 0, NULL));
    CHECK_OK(rim_master_clear_error(master));
    CHECK_OK(rim_master_error(master, &status, text, sizeof text, NULL));
    CHECK(status == RIM_STATUS_OK && text[0] == 0);

    rim_master_free(master);
    rim_slave_free(slave);
}

static void an_unconnected_master_fails(void) {
    uint8_t data[4];
    uint32_t id;
    rim_master* master;
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    CHECK_SAYS("unconnected");
    rim_master_free(master);
}

static void what_a_slave_says_of_itself(void) {
    uint32_t id, same, low, high;
    uint64_t address;
    char text[32], expected[32];
    rim_master* master;
    rim_slave* slave = slave_of(forget, NULL);

    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_slave_id(slave, &id));
    CHECK_OK(rim_master_slave_id(master, &same));
    CHECK(id != 0 && id == same);
    CHECK_OK(rim_slave_name(slave, text, sizeof text, NULL));
    snprintf(expected, sizeof expected, "Unnamed_%u", (unsigned)id);
    CHECK(strcmp(text, expected) == 0);
    CHECK_OK(rim_slave_set_name(slave, "adc"));
    CHECK_OK(rim_master_slave_name(master, text, sizeof text, NULL));
    CHECK(strcmp(text, "adc") == 0);
    CHECK_OK(rim_slave_set_name(slave, "a\xff"));
    CHECK_OK(rim_slave_name(slave, text, sizeof text, NULL));
    CHECK(strcmp(text, "a\xef\xbf\xbd") == 0);
    CHECK_OK(rim_slave_min_access(slave, &low));
    CHECK_OK(rim_slave_max_access(slave, &high));
    CHECK(low == 4 && high == 1024);
    CHECK_OK(rim_master_min_access(master, &low));
    CHECK_OK(rim_master_max_access(master, &high));
    CHECK(low == 4 && high == 1024);
    CHECK_OK(rim_slave_address(slave, &address));
    CHECK(address == 0);
    CHECK_OK(rim_master_address(master, &address));
    CHECK(address == 0);

    rim_slave_free(slave);
    rim_master_free(master);
}

static void freeing_without_completing_fails(void) {
    uint8_t data[4];
    uint32_t id;
    rim_master* master;
    rim_slave* slave = slave_of(forget, NULL);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_master_set_timeout_us(master, RIM_FOREVER_US));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    CHECK_SAYS("without completing");
    rim_master_free(master);
}

static void a_late_answer_touches_nothing(void) {
    device self = {{0}, 0, NULL};
    uint8_t data[4] = {9, 9, 9, 9};
    uint8_t* place = NULL;
    uint32_t id;
    size_t size = 0;
    bool flag;
    rim_master* master;
    rim_slave* slave = slave_of(keep, &self);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_master_set_timeout_us(master, 20000));
    CHECK_OK(rim_master_set_timeout_us(master, 0));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_master_is_done(master, id, &flag));
    CHECK(!flag);
    CHECK_OK(rim_transaction_expired(self.kept, &flag));
    CHECK(!flag);
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_TIMEOUT);
    CHECK_SAYS("Timeout waiting for register transaction");

    CHECK_OK(rim_transaction_expired(self.kept, &flag));
    CHECK(flag);
    CHECK_STATUS(rim_transaction_lock(self.kept, &place, &size), RIM_STATUS_EXPIRED);
    CHECK(place == NULL && size == 0);
    CHECK_STATUS(rim_transaction_copy_in(self.kept, 0, "1234", 4), RIM_STATUS_EXPIRED);
    CHECK_STATUS(rim_transaction_done(self.kept), RIM_STATUS_EXPIRED);
    CHECK_STATUS(rim_transaction_fail(self.kept, "late"), RIM_STATUS_EXPIRED);
    rim_transaction_free(self.kept);
    CHECK(memcmp(data, "\x09\x09\x09\x09", 4) == 0);
    rim_master_free(master);
}

static void a_master_that_is_freed_takes_its_data_back(void) {
    device self = {{0}, 0, NULL};
    char data[4] = {'s', 'a', 'm', 'e'};
    uint32_t id;
    bool expired;
    rim_master* master;
    rim_slave* slave = slave_of(keep, &self);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_master_set_timeout_us(master, RIM_FOREVER_US));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    rim_master_free(master);
    CHECK_OK(rim_transaction_expired(self.kept, &expired));
    CHECK(expired);
    CHECK_STATUS(rim_transaction_copy_in(self.kept, 0, "diff", 4), RIM_STATUS_EXPIRED);
    rim_transaction_free(self.kept);
    CHECK(memcmp(data, "same", 4) == 0);
}

static void* answer_soon(void* argument) {
    device* self = argument;
    sleep_ms(20);
    CHECK_OK(rim_transaction_copy_in(self->kept, 0, "late", 4));
    CHECK_OK(rim_transaction_done(self->kept));
    rim_transaction_free(self->kept);
    return NULL;
}

static void another_thread_may_complete(void) {
    device self = {{0}, 0, NULL};
    char data[4];
    uint32_t id;
    pthread_t thread;
    rim_master* master;
    rim_slave* slave = slave_of(keep, &self);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);
    CHECK_OK(rim_master_set_timeout_us(master, RIM_FOREVER_US));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK(pthread_create(&thread, NULL, answer_soon, &self) == 0);
    CHECK_OK(rim_master_wait(master, id));
    CHECK(memcmp(data, "late", 4) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    rim_master_free(master);
}

static void bits(void) {
    uint8_t target[4] = {0}, source[4] = {0xff, 0, 0xff, 0};
    bool any;
    CHECK_OK(rim_copy_bits(target, 4, 4, source, 4, 0, 12));
    CHECK(target[0] == 0xf0 && target[1] == 0x0f && target[2] == 0);
    /* Overlapping, both ways: as if the source had been copied first. */
    CHECK_OK(rim_copy_bits(source + 1, 3, 0, source, 3, 0, 24));
    CHECK(source[1] == 0xff && source[2] == 0 && source[3] == 0xff);
    CHECK_OK(rim_copy_bits(source, 3, 0, source + 1, 3, 0, 24));
    CHECK(source[0] == 0xff && source[1] == 0 && source[2] == 0xff);
    CHECK_OK(rim_set_bits(target, 4, 24, 8));
    CHECK(target[3] == 0xff);
    CHECK_OK(rim_any_bits(target, 4, 16, 8, &any));
    CHECK(!any);
    CHECK_OK(rim_any_bits(target, 4, 16, 9, &any));
    CHECK(any);
    CHECK_OK(rim_any_bits(NULL, 0, 0, 0, &any));
    CHECK(!any);
    CHECK_STATUS(rim_set_bits(target, 4, 30, 3), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_copy_bits(target, 4, 0, source, 4, 31, 2), RIM_STATUS_SIZE);
}

int main(void) {
    check_begin();
    reads_and_writes();
    errors_are_kept_until_cleared();
    an_unconnected_master_fails();
    what_a_slave_says_of_itself();
    freeing_without_completing_fails();
    a_late_answer_touches_nothing();
    a_master_that_is_freed_takes_its_data_back();
    another_thread_may_complete();
    bits();
    CHECK(counter_get(&finalized) == 7);
    return 0;
}
