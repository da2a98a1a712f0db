/*
 * The library given as argument, loaded and let go of while the program runs: without endpoints,
 * and with endpoints at work, again and again. The program is not linked with it.
 */
#define _POSIX_C_SOURCE 200809L
#include "rogue/rim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { PATIENCE = 20000000, EMPTY = 300, LIVE = 50 };

static const char* path;

/* The functions that are used, as they are found in the library each time. */
static rim_status (*log_set_stdout)(bool);
static rim_status (*server_new)(const char*, uint16_t, const rim_tcp_server_options*,
                                rim_tcp_server**);
static rim_status (*server_port)(const rim_tcp_server*, uint16_t*);
static rim_status (*server_set_slave)(rim_tcp_server*, const rim_slave*);
static void (*server_free)(rim_tcp_server*);
static rim_status (*client_new)(const char*, uint16_t, const rim_tcp_client_options*,
                                rim_tcp_client**);
static rim_status (*client_write)(rim_tcp_client*, uint64_t, const void*, uint32_t, uint64_t);
static rim_status (*client_read)(rim_tcp_client*, uint64_t, void*, uint32_t, uint64_t);
static void (*client_free)(rim_tcp_client*);
static rim_status (*emulate_new)(uint32_t, uint32_t, rim_emulate**);
static rim_status (*emulate_as_slave)(const rim_emulate*, rim_slave**);
static void (*emulate_free)(rim_emulate*);
static void (*slave_free)(rim_slave*);

static void find(void* library, const char* name, void* place, size_t size) {
    void* found = dlsym(library, name);
    CHECK(found != NULL && size == sizeof found);
    memcpy(place, &found, size);
}

static void* load(void) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
#define FIND(name) find(library, "rim_" #name, &name, sizeof name)
#define FIND_TCP(name) find(library, "rim_tcp_" #name, &name, sizeof name)
    FIND(log_set_stdout);
    FIND_TCP(server_new);
    FIND_TCP(server_port);
    FIND_TCP(server_set_slave);
    FIND_TCP(server_free);
    FIND_TCP(client_new);
    FIND_TCP(client_write);
    FIND_TCP(client_read);
    FIND_TCP(client_free);
    FIND(emulate_new);
    FIND(emulate_as_slave);
    FIND(emulate_free);
    FIND(slave_free);
    return library;
}

static void let_go(void* library) { CHECK(dlclose(library) == 0); }

static int entries(const char* folder) {
    DIR* open = opendir(folder);
    int count = 0;
    CHECK(open != NULL);
    while (readdir(open) != NULL) {
        count++;
    }
    closedir(open);
    return count;
}

int main(int argc, char** argv) {
    rim_tcp_server* server = NULL;
    rim_tcp_client* client = NULL;
    rim_emulate* emulate;
    rim_slave* slave;
    uint32_t n, word = 0;
    uint16_t port;
    int threads, descriptors;
    alarm(100);
    CHECK(argc == 2);
    path = argv[1];
    for (n = 0; n < EMPTY; n++) {
        let_go(load());
    }
    threads = entries("/proc/self/task");
    descriptors = entries("/proc/self/fd");
    for (n = 0; n < LIVE; n++) {
        void* library = load();
        CHECK(log_set_stdout(false) == RIM_STATUS_OK);
        CHECK(server_new("127.0.0.1", 0, NULL, &server) == RIM_STATUS_OK);
        CHECK(server_port(server, &port) == RIM_STATUS_OK);
        CHECK(emulate_new(4, 0, &emulate) == RIM_STATUS_OK);
        CHECK(emulate_as_slave(emulate, &slave) == RIM_STATUS_OK);
        CHECK(server_set_slave(server, slave) == RIM_STATUS_OK);
        slave_free(slave);
        emulate_free(emulate);
        CHECK(client_new("127.0.0.1", port, NULL, &client) == RIM_STATUS_OK);
        CHECK(client_write(client, 0, &n, 4, PATIENCE) == RIM_STATUS_OK);
        /* Nobody refers to it any more; its threads run on. */
        let_go(library);
        library = load();
        CHECK(client_read(client, 0, &word, 4, PATIENCE) == RIM_STATUS_OK);
        CHECK(word == n);
        if (n < LIVE - 1) {
            client_free(client);
            server_free(server);
        }
        let_go(library);
    }
    /* Those that are there to the last are left: so are two threads, perhaps more, and no others.
     */
    CHECK(entries("/proc/self/task") <= threads + 3);
    CHECK(entries("/proc/self/fd") <= descriptors + 20);
    return 0;
}
