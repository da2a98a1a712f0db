/* Hubs: offsets, splitting, roots, circles. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

typedef struct {
    uint64_t addresses[8];
    size_t sizes[8];
    int calls;
} recorder;

static void record(void* user, rim_transaction* transaction) {
    recorder* self = user;
    const rim_transaction_info info = info_of(transaction);
    CHECK(self->calls < 8);
    self->addresses[self->calls] = info.address;
    self->sizes[self->calls] = info.size;
    self->calls += 1;
    if (self->addresses[0] == 0x21000 + 0xbad0) {
        CHECK_OK(rim_transaction_fail(transaction, "bad place"));
    } else {
        CHECK_OK(rim_transaction_done(transaction));
    }
    rim_transaction_free(transaction);
}

static void it_moves_and_splits(void) {
    recorder self = {{0}, {0}, 0};
    uint8_t data[20];
    uint32_t id, low, high;
    uint64_t offset, address;
    rim_hub *outer, *inner;
    rim_slave *slave, *inner_slave, *outer_slave;
    rim_master* master;

    CHECK_OK(rim_slave_new(4, 8, record, &self, NULL, &slave));
    CHECK_OK(rim_hub_new(0x1000, 0, 0, &inner));
    CHECK_OK(rim_hub_new(0x20000, 0, 0, &outer));
    CHECK_OK(rim_hub_set_slave(inner, slave));
    CHECK_OK(rim_hub_as_slave(inner, &inner_slave));
    CHECK_OK(rim_hub_set_slave(outer, inner_slave));
    CHECK_OK(rim_hub_as_slave(outer, &outer_slave));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, outer_slave));

    CHECK_OK(rim_hub_offset(outer, &offset));
    CHECK_OK(rim_hub_address(outer, &address));
    CHECK(offset == 0x20000 && address == 0x21000);
    CHECK_OK(rim_master_min_access(master, &low));
    CHECK_OK(rim_master_max_access(master, &high));
    CHECK(low == 4 && high == 0xffffffff);
    CHECK_OK(rim_slave_set_name(outer_slave, "outer"));

    CHECK_OK(rim_master_request(master, 0x10, data, 20, RIM_WRITE, &id));
    CHECK_OK(rim_master_wait(master, id));
    CHECK(self.calls == 3);
    CHECK(self.addresses[0] == 0x21010 && self.sizes[0] == 8);
    CHECK(self.addresses[1] == 0x21018 && self.sizes[1] == 8);
    CHECK(self.addresses[2] == 0x21020 && self.sizes[2] == 4);

    /* The handles may go in any order; what is connected stays. */
    rim_hub_free(inner);
    rim_slave_free(inner_slave);
    rim_slave_free(slave);
    rim_hub_free(outer);
    rim_slave_free(outer_slave);
    self.calls = 0;
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));
    CHECK_OK(rim_master_wait(master, id));
    CHECK(self.calls == 1 && self.addresses[0] == 0x21000);

    self.calls = 0;
    CHECK_OK(rim_master_request(master, 0xbad0, data, 16, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_FAILED);
    CHECK_SAYS("bad place");
    rim_master_free(master);
}

/* 16 bytes at the last 8 addresses, offsets beyond 2^64, pieces: refused before any of it. */
static void nothing_goes_beyond_the_last_address(void) {
    static const struct {
        uint64_t offset, address;
    } cases[] = {{0, UINT64_MAX - 7}, {UINT64_MAX - 7, 0}, {UINT64_MAX, 1}, {16, UINT64_MAX - 20}};
    recorder self = {{0}, {0}, 0};
    uint8_t data[16] = {0};
    uint32_t id;
    size_t n;
    for (n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        rim_hub* hub;
        rim_slave *slave, *front;
        rim_master* master;
        CHECK_OK(rim_slave_new(4, 8, record, &self, NULL, &slave));
        CHECK_OK(rim_hub_new(cases[n].offset, 0, 0, &hub));
        CHECK_OK(rim_hub_set_slave(hub, slave));
        CHECK_OK(rim_hub_as_slave(hub, &front));
        CHECK_OK(rim_master_new(&master));
        CHECK_OK(rim_master_set_slave(master, front));
        CHECK_OK(rim_master_request(master, cases[n].address, data, 16, RIM_WRITE, &id));
        CHECK_STATUS(rim_master_wait(master, id), RIM_STATUS_INVALID_ARGUMENT);
        CHECK_SAYS("beyond the last address");
        CHECK(self.calls == 0);
        rim_slave_free(slave);
        rim_slave_free(front);
        rim_hub_free(hub);
        rim_master_free(master);
    }
}

static void a_root_answers_for_itself(void) {
    uint32_t low, high, id, other;
    uint64_t address;
    char name[16];
    rim_hub* hub;
    rim_slave *slave, *behind;
    rim_emulate* emulate;
    CHECK_OK(rim_emulate_new(4, 4, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &behind));
    CHECK_OK(rim_hub_new(0x40, 8, 64, &hub));
    CHECK_OK(rim_hub_set_slave(hub, behind));
    CHECK_OK(rim_hub_as_slave(hub, &slave));
    CHECK_OK(rim_slave_min_access(slave, &low));
    CHECK_OK(rim_slave_max_access(slave, &high));
    CHECK_OK(rim_slave_id(slave, &id));
    CHECK_OK(rim_slave_id(behind, &other));
    CHECK_OK(rim_slave_address(slave, &address));
    CHECK(low == 8 && high == 64 && id != other && address == 0);
    CHECK_OK(rim_slave_set_name(slave, "root"));
    CHECK_OK(rim_slave_name(slave, name, sizeof name, NULL));
    CHECK(strcmp(name, "root") == 0);
    rim_slave_free(behind);
    rim_slave_free(slave);
    rim_hub_free(hub);
    rim_emulate_free(emulate);
}

static void circles_are_refused(void) {
    rim_hub *a, *b;
    rim_slave *to_a, *to_b;
    CHECK_OK(rim_hub_new(0, 0, 0, &a));
    CHECK_OK(rim_hub_new(0, 0, 0, &b));
    CHECK_OK(rim_hub_as_slave(a, &to_a));
    CHECK_OK(rim_hub_as_slave(b, &to_b));
    CHECK_STATUS(rim_hub_set_slave(a, to_a), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_OK(rim_hub_set_slave(a, to_b));
    CHECK_STATUS(rim_hub_set_slave(b, to_a), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("leads back");
    rim_slave_free(to_a);
    rim_slave_free(to_b);
    rim_hub_free(a);
    rim_hub_free(b);
}

int main(void) {
    check_begin();
    it_moves_and_splits();
    nothing_goes_beyond_the_last_address();
    a_root_answers_for_itself();
    circles_are_refused();
    return 0;
}
