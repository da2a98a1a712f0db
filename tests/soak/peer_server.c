/*
 * The server of the soak as it is in the field, on libzmq: one transaction at a time, writes echo
 * their data, posts are answered. What it holds is in memory.h. It takes orders on its standard
 * input, and ends when that does.
 */
#define _POSIX_C_SOURCE 200809L

#include "memory.h"

#include "../interop/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct soak_memory memory;
static struct soak_orders orders;
static uint64_t chance;
static bool ending;

/* What has been ordered since the last look, whole lines. */
static void look(void) {
    static char line[64];
    static size_t used;
    char byte;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &byte, 1)) == 1) {
        if (byte == '\n' || used == sizeof line - 1) {
            line[used] = '\0';
            soak_take_order(&orders, line);
            used = 0;
        } else {
            line[used++] = byte;
        }
    }
    if (got == 0) ending = true;
}

static void send_frame(void* socket, const void* data, size_t size, int flags) {
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLOUT};
    while (!ending && !peer_send(socket, data, size, flags | ZMQ_DONTWAIT)) {
        zmq_poll(&item, 1, 100);
        look();
    }
}

static void serve(void* responses, struct peer_message* request) {
    static uint8_t bytes[SOAK_MEMORY_BYTES];
    static const char refusal[] = SOAK_REFUSAL;
    struct peer_header header;
    if ((request->count != 4 && request->count != 5) || !peer_header(request, &header)) return;
    bool write = header.type == PEER_WRITE || header.type == PEER_POST;
    if (!soak_memory_has(header.address, header.size) ||
        (write && header.address >= SOAK_PATTERN_AT) ||
        (write && (request->count != 5 || zmq_msg_size(&request->frame[4]) != header.size))) {
        fprintf(stderr, "soak-peer-server: type %u of %u bytes at 0x%llx\n", header.type,
                header.size, (unsigned long long)header.address);
        exit(1);
    }
    if (orders.delay_us > 0) peer_sleep_us(soak_below(&chance, orders.delay_us));
    bool refuse = header.type != PEER_POST && soak_below(&chance, 1000) < orders.fail_permille;
    if (write)
        memcpy(bytes, zmq_msg_data(&request->frame[4]), header.size);
    else if (!refuse)
        soak_memory_read(&memory, header.address, bytes, header.size, &orders, &chance);
    if (write && !refuse)
        soak_memory_write(&memory, header.address, bytes, header.size, &orders, &chance);
    for (int i = 0; i < 4; i++)
        send_frame(responses, zmq_msg_data(&request->frame[i]), zmq_msg_size(&request->frame[i]),
                   ZMQ_SNDMORE);
    send_frame(responses, bytes, header.size, ZMQ_SNDMORE);
    if (refuse)
        send_frame(responses, refusal, sizeof refusal - 1, 0);
    else
        send_frame(responses, "OK", 2, 0);
}

static bool bind_port(void* socket, uint64_t port) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%llu", (unsigned long long)port);
    peer_set_option(socket, ZMQ_LINGER, 0);
    return zmq_bind(socket, endpoint) == 0;
}

int main(int argc, char** argv) {
    uint64_t port, file;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4 || !peer_parse(argv[1], 65534, &port) || port == 0 ||
        !peer_parse(argv[2], 1 << 20, &file) || !peer_parse(argv[3], UINT64_MAX, &chance) ||
        !soak_memory_open(&memory, (int)file)) {
        fprintf(stderr, "usage: soak-peer-server PORT FILE-DESCRIPTOR SEED\n");
        return 2;
    }
    void* context = zmq_ctx_new();
    void* responses = zmq_socket(context, ZMQ_PUSH);
    void* requests = zmq_socket(context, ZMQ_PULL);
    if (responses == NULL || requests == NULL || !bind_port(responses, port + 1) ||
        !bind_port(requests, port)) {
        fprintf(stderr, "soak-peer-server: no sockets: %s\n", zmq_strerror(zmq_errno()));
        return 3;
    }
    peer_set_option(requests, ZMQ_RCVTIMEO, 50);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    printf("ready %u\n", (unsigned)port);
    while (!ending) {
        struct peer_message request;
        look();
        if (peer_receive(requests, &request) <= 0) continue;
        serve(responses, &request);
        peer_close(&request);
    }
    zmq_close(responses);
    zmq_close(requests);
    zmq_ctx_term(context);
    return 0;
}
