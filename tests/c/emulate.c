/* The emulated memory: what is written is read again, and what breaks its rules fails. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static rim_master* master;

static rim_status carry_out(uint64_t address, void* data, uint32_t size, uint32_t type) {
    uint32_t id;
    rim_status status = rim_master_request(master, address, data, size, type, &id);
    return status == RIM_STATUS_OK ? rim_master_wait(master, id) : status;
}

int main(void) {
    static uint8_t out[10000], in[10000];
    size_t n;
    uint32_t low, high;
    rim_emulate* emulate;
    rim_slave* slave;

    check_begin();
    CHECK_OK(rim_emulate_new(4, 10000, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &slave));
    rim_emulate_free(emulate);
    CHECK_OK(rim_slave_min_access(slave, &low));
    CHECK_OK(rim_slave_max_access(slave, &high));
    CHECK(low == 4 && high == 10000);
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    rim_slave_free(slave);

    /* Over the borders of pages, and near the end of the address space. */
    for (n = 0; n < sizeof out; n++) {
        out[n] = (uint8_t)(n * 7 + 1);
    }
    CHECK_OK(carry_out(0xffc, out, sizeof out, RIM_WRITE));
    CHECK_OK(carry_out(0xffc, in, sizeof in, RIM_READ));
    CHECK(memcmp(in, out, sizeof out) == 0);
    CHECK_OK(carry_out(0xfffffffffffffff8, out, 8, RIM_POST));
    CHECK_OK(carry_out(0xfffffffffffffff8, in, 8, RIM_VERIFY));
    CHECK(memcmp(in, out, 8) == 0);
    CHECK_OK(carry_out(0x5000000, in, 8, RIM_READ));
    CHECK(memcmp(in, "\0\0\0\0\0\0\0\0", 8) == 0);

    CHECK_STATUS(carry_out(0, in, 2, RIM_READ), RIM_STATUS_SIZE);
    CHECK_SAYS("minimum access of 4");
    CHECK_STATUS(carry_out(0, in, 10004, RIM_READ), RIM_STATUS_SIZE);
    CHECK_SAYS("maximum access of 10000");
    CHECK_STATUS(carry_out(2, in, 4, RIM_READ), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("0x2 is not a multiple");
    CHECK_STATUS(carry_out(0, in, 6, RIM_READ), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(carry_out(0xfffffffffffffffc, in, 8, RIM_READ), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(carry_out(0, in, 4, 99), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("type 99");
    CHECK_STATUS(carry_out(0, in, 0, RIM_READ), RIM_STATUS_SIZE);

    rim_master_free(master);
    return 0;
}
