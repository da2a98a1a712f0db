/*
 * Programs that close 0, 1 and 2, as daemons do, before they have a server or while they have a
 * client: none of the library's descriptors takes their place. So whatever is printed fails as it
 * would without the library, and nothing of it goes to a peer.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <fcntl.h>

static volatile int over;

/* Where to say what has failed: stderr is closed. Nothing else has this number. */
enum { SAID = 200 };

#define SAY(condition)                                                                             \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(SAID, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition,              \
                    rim_last_error());                                                             \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static bool is_closed(int fd) { return fcntl(fd, F_GETFD) == -1; }

/* The library may have something there for a moment, while it makes a socket. */
static bool comes_to_be_closed(int fd) {
    int n;
    for (n = 0; n < 5000 && !is_closed(fd); n++) {
        sleep_ms(1);
    }
    return is_closed(fd);
}

static void close_the_three(void) {
    int fd;
    CHECK(dup2(2, SAID) == SAID);
    for (fd = 0; fd < 3; fd++) {
        close(fd);
    }
}

/* Prints all the time: nothing is there to print to. */
static void* print(void* unused) {
    (void)unused;
    while (!over) {
        int fd;
        for (fd = 0; fd < 3; fd++) {
            /* Also while the library has something there for a moment. */
            SAY(write(fd, "printed by the program\n", 23) == -1);
        }
    }
    return NULL;
}

static void serve_and_ask_twice(rim_tcp_server** server, uint16_t* port, rim_tcp_client* client,
                                int rounds) {
    rim_tcp_client_stats stats;
    rim_tcp_server_stats served;
    uint32_t value, back = 0;
    int n;
    for (n = 0; n < rounds; n++) {
        rim_tcp_client* another;
        /* A client that is there all the time, and one that comes and goes. */
        SAY(rim_tcp_client_new("127.0.0.1", *port, NULL, &another) == RIM_STATUS_OK);
        value = (uint32_t)n + 1;
        while (rim_tcp_client_write(client, 0, &value, 4, PATIENCE) != RIM_STATUS_OK) {
            SAY(strstr(rim_last_error(), "connection lost") != NULL);
        }
        SAY(rim_tcp_client_read(another, 0, &back, 4, PATIENCE) == RIM_STATUS_OK);
        SAY(back == value);
        SAY(comes_to_be_closed(0) && comes_to_be_closed(1) && comes_to_be_closed(2));
        rim_tcp_client_free(another);
        SAY(rim_tcp_server_get_stats(*server, &served, sizeof served) == RIM_STATUS_OK);
        SAY(served.dropped_protocol == 0);
        if (n + 1 < rounds) {
            rim_tcp_server_free(*server);
            *port = serve_memory_at(server, *port, NULL);
        }
    }
    SAY(rim_tcp_client_get_stats(client, &stats, sizeof stats) == RIM_STATUS_OK);
    SAY(stats.connects >= (uint64_t)rounds - 1);
}

/* Closed from the beginning. The library logs each step, which is printed too. */
static void start_without_them(void* unused) {
    rim_tcp_server* server;
    rim_tcp_client* client;
    uint16_t port;
    (void)unused;
    close_the_three();
    SAY(rim_log_set_level(RIM_LOG_DEBUG) == RIM_STATUS_OK);
    port = serve_memory(&server, NULL);
    client = client_of(port);
    serve_and_ask_twice(&server, &port, client, 3);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    _exit(0);
}

/* Closed later, with a thread that prints; the server comes and goes. */
static void close_them_later(void* unused) {
    rim_tcp_server* server;
    rim_tcp_client* client;
    pthread_t printing;
    uint16_t port = serve_memory(&server, NULL);
    (void)unused;
    client = client_of(port);
    exchange(client, 1);
    close_the_three();
    SAY(pthread_create(&printing, NULL, print, NULL) == 0);
    serve_and_ask_twice(&server, &port, client, 8);
    over = 1;
    SAY(pthread_join(printing, NULL) == 0);
    /* They are the program's to open. */
    SAY(comes_to_be_closed(0) && comes_to_be_closed(1) && comes_to_be_closed(2));
    SAY(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(1) == 2);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    SAY(!is_closed(0) && !is_closed(1) && !is_closed(2));
    _exit(0);
}

/* One of them is closed, whichever it is. */
static void close_one(void* argument) {
    const int one = *(const int*)argument;
    rim_tcp_server* server;
    rim_tcp_client* client;
    CHECK(dup2(2, SAID) == SAID);
    close(one);
    client = client_of(serve_memory(&server, NULL));
    exchange(client, 1);
    SAY(comes_to_be_closed(one));
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
    _exit(0);
}

int main(void) {
    int one;
    check_begin();
    CHECK(ended(child(start_without_them, NULL)) == 0);
    CHECK(ended(child(close_them_later, NULL)) == 0);
    for (one = 0; one < 3; one++) {
        CHECK(ended(child(close_one, &one)) == 0);
    }
    return 0;
}
