/*
 * No memory for what is asked for: a gigabyte at a server, at a client, and of the C functions, in
 * processes that may have far less. Each says no, by an error with a text, and goes on.
 */
#define _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <sys/mman.h>

static const uint32_t GIB = 1u << 30;

/* What a process may have beyond what it has, in MiB. */
enum { ROOM = 96 };

static void limit_memory(void) {
    struct rlimit limit;
    unsigned long pages = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    limit.rlim_cur = limit.rlim_max = pages * 4096ul + ROOM * 1048576ul;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* A gigabyte that takes no memory as long as it is only read. */
static uint8_t* much(void) {
    void* place =
        mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(place != MAP_FAILED);
    return place;
}

/* Reads a response, data and all; its result, and the id that it belongs to. */
static uint32_t result(int fd, char text[256]) {
    static uint8_t piece[1 << 20];
    uint8_t start[28], size = 0;
    uint8_t flags, length[8];
    uint64_t left = 0;
    uint32_t id;
    int n;
    all(fd, start, sizeof start, false);
    memcpy(&id, start + 2, 4);
    all(fd, &flags, 1, false);
    all(fd, length, flags & 2 ? 8 : 1, false);
    for (n = 0; n < (flags & 2 ? 8 : 1); n++) {
        left = left << 8 | length[n];
    }
    while (left > 0) {
        size_t count = left < sizeof piece ? (size_t)left : sizeof piece;
        all(fd, piece, count, false);
        left -= count;
    }
    all(fd, &flags, 1, false);
    CHECK(flags == 0);
    all(fd, &size, 1, false);
    all(fd, text, size, false);
    text[size] = 0;
    return id;
}

typedef struct {
    int port[2], over[2];
} pipes;

/* A child: a server that takes a gigabyte from its clients, if it had it. */
static void be_server(void* argument) {
    pipes* shared = argument;
    rim_tcp_server_options options;
    rim_tcp_server* server;
    uint16_t port;
    CHECK_OK(rim_log_set_stdout(false));
    CHECK_OK(rim_tcp_server_options_init(&options, sizeof options));
    options.max_transaction = GIB;
    port = serve_memory(&server, &options);
    limit_memory();
    CHECK(write(shared->port[1], &port, sizeof port) == sizeof port);
    CHECK(await(shared->over) == 'e');
    rim_tcp_server_free(server);
}

static void a_server_says_no(void) {
    static uint8_t piece[1 << 20];
    pipes shared;
    uint16_t port;
    uint8_t request[64];
    uint32_t type, sent;
    char text[256];
    int requests, responses;
    pid_t server;
    rim_tcp_client* other;
    CHECK(pipe(shared.port) == 0 && pipe(shared.over) == 0);
    server = child(be_server, &shared);
    CHECK(read(shared.port[0], &port, sizeof port) == sizeof port);
    other = client_of(port);
    responses = dial_as((uint16_t)(port + 1), "PULL");
    requests = dial_as(port, "PUSH");
    for (type = RIM_READ; type <= RIM_WRITE; type++) {
        exchange(other, type);
        all(requests, request, head(request, type, GIB, type), true);
        for (sent = 0; type == RIM_WRITE && sent < GIB; sent += sizeof piece) {
            all(requests, piece, sizeof piece, true);
        }
        CHECK(result(responses, text) == type);
        CHECK(strstr(text, "memory for 1073741824 bytes") != NULL);
        /* The connection goes on. */
        all(requests, request, head(request, 10 + type, 4, RIM_READ), true);
        CHECK(result(responses, text) == 10 + type && strcmp(text, "OK") == 0);
    }
    exchange(other, 3);
    rim_tcp_client_free(other);
    give(shared.over, 'e');
    CHECK(ended(server) == 0);
    close(requests);
    close(responses);
}

/* A child: a client, which keeps what the network does not take of a gigabyte, if it has the room.
 */
static void be_client(void* argument) {
    uint16_t port = *(uint16_t*)argument;
    uint8_t* data = much();
    rim_tcp_client* client = client_of(port);
    rim_tcp_client_stats stats;
    uint32_t id, word;
    rim_master* master;
    rim_slave* slave;
    CHECK_OK(rim_log_set_stdout(false));
    exchange(client, 1);
    limit_memory();
    CHECK_STATUS(rim_tcp_client_write(client, 0, data, GIB, PATIENCE), RIM_STATUS_SYSTEM);
    CHECK_SAYS("memory for 1073741824 bytes");
    exchange(client, 2);
    CHECK_STATUS(rim_tcp_client_post(client, 0, data, GIB, PATIENCE), RIM_STATUS_SYSTEM);
    exchange(client, 3);
    CHECK_OK(rim_tcp_client_as_slave(client, &slave));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_request(master, 0, data, GIB, RIM_WRITE, &id));
    CHECK_OK(rim_master_request(master, 0x40, &word, 4, RIM_READ, &id));
    CHECK_STATUS(rim_master_wait(master, 0), RIM_STATUS_SYSTEM);
    CHECK(word == 3);
    rim_slave_free(slave);
    rim_master_free(master);
    CHECK_OK(rim_tcp_client_get_stats(client, &stats, sizeof stats));
    CHECK(stats.losses == 0);
    rim_tcp_client_free(client);
}

typedef struct {
    rim_tcp_client* client;
    uint8_t* data;
    counter over;
} asking;

static void* ask_for_too_much(void* argument) {
    asking* self = argument;
    while (counter_get(&self->over) == 0) {
        CHECK(rim_tcp_client_write(self->client, 0, self->data, GIB, PATIENCE) != RIM_STATUS_OK);
        CHECK_SAYS("memory for 1073741824 bytes");
    }
    return NULL;
}

/* A child: a client with one transaction at a time. Those that there is no memory for make room for
 * the others, which wait for it. */
static void be_narrow_client(void* argument) {
    asking self = {NULL, NULL, COUNTER_INIT};
    rim_tcp_client_options options;
    pthread_t other;
    uint32_t n;
    CHECK_OK(rim_log_set_stdout(false));
    self.data = much();
    CHECK_OK(rim_tcp_client_options_init(&options, sizeof options));
    options.max_outstanding = 1;
    CHECK_OK(rim_tcp_client_new("127.0.0.1", *(uint16_t*)argument, &options, &self.client));
    exchange(self.client, 1);
    limit_memory();
    CHECK(pthread_create(&other, NULL, ask_for_too_much, &self) == 0);
    for (n = 0; n < 5000; n++) {
        exchange(self.client, n);
    }
    counter_add(&self.over);
    CHECK(pthread_join(other, NULL) == 0);
    rim_tcp_client_free(self.client);
}

/* A child: C functions that need memory of their own. */
static void be_caller(void* argument) {
    uint8_t* data = much();
    uint8_t bytes[2] = {1, 2};
    (void)argument;
    limit_memory();
    /* The two overlap: a copy is needed. */
    CHECK_STATUS(rim_copy_bits(data, GIB / 2, 1, data, GIB / 2, 0, 0xFFFFFFF8u - 8),
                 RIM_STATUS_SYSTEM);
    CHECK_SAYS("memory for");
    CHECK_OK(rim_copy_bits(bytes, 2, 8, bytes, 2, 0, 8));
    CHECK(bytes[1] == 1);
}

int main(void) {
    rim_tcp_server* server;
    uint16_t port;
    pid_t caller, client;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    caller = child(be_caller, NULL);
    CHECK(ended(caller) == 0);
    a_server_says_no();
    port = serve_memory(&server, NULL);
    client = child(be_client, &port);
    CHECK(ended(client) == 0);
    client = child(be_narrow_client, &port);
    CHECK(ended(client) == 0);
    rim_tcp_server_free(server);
    return 0;
}
