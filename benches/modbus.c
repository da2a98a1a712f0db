/*
 * A peer on libmodbus (Modbus TCP), for what it has in common with the bridge: one read of 4 bytes,
 * two registers, at a time. It has no requests outstanding beside the one that it waits for, and no
 * more than 250 bytes in a message, so it stands in no other row.
 *
 * It is the example's server (receive, reply out of a mapping in memory) and the example's client
 * (modbus_read_registers), with the library's own defaults. One connection, on which a request has
 * 12 bytes and a response 13: fewer bytes than the bridge's 28 and 38, which is in its favour.
 */
#include "contestant.h"

#include <errno.h>
#include <modbus.h>

enum { REGISTERS = 128 };

static modbus_t* bus;

static bool failed(void) { return bench_fail("%s", modbus_strerror(errno)); }

static void serve(const char* kind) {
    if (strcmp(kind, "words") != 0) return;
    int listener = -1;
    uint16_t port = 0;
    do {
        if (bus != NULL) modbus_free(bus);
        port = bench_any_port();
        bus = modbus_new_tcp("127.0.0.1", port);
        bench_must(bus != NULL || failed(), "modbus_new_tcp");
        listener = modbus_tcp_listen(bus, 1);
    } while (listener < 0);
    modbus_mapping_t* memory = modbus_mapping_new(0, 0, REGISTERS, 0);
    bench_must(memory != NULL || failed(), "modbus_mapping_new");
    memory->tab_registers[0] = BENCH_WORD & 0xffff;
    memory->tab_registers[1] = BENCH_WORD >> 16;

    bench_ready(port);
    bench_must(modbus_tcp_accept(bus, &listener) >= 0 || failed(), "modbus_tcp_accept");
    for (;;) {
        uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
        int count = modbus_receive(bus, request);
        if (count < 0) break;
        if (count > 0) modbus_reply(bus, request, count, memory);
    }
    for (;;)
        pause();
}

static bool connect_to(uint16_t port) {
    bus = modbus_new_tcp("127.0.0.1", port);
    return (bus != NULL && modbus_connect(bus) == 0) || failed();
}

static bool word(void) {
    uint16_t registers[2];
    if (modbus_read_registers(bus, 0, 2, registers) != 2) return failed();
    bench_words[0] = registers[0] | (uint32_t)registers[1] << 16;
    return true;
}

int main(int argc, char** argv) {
    static const bench_contestant modbus = {serve, connect_to, word, NULL, NULL, NULL, NULL};
    return bench_main(argc, argv, &modbus);
}
