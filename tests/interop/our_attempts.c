/*
 * How often clients of ours try to connect where connections are closed at once: a listener that
 * counts, and clients that want nothing, or wait for an answer. Client N comes from the address
 * 127.0.0.N, by which it is known.
 *
 * Ends with 0 when every check held, 1 and a line that names what did not.
 */
#define _POSIX_C_SOURCE 200809L

#include "our.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rogue/rim.h>

#define CLIENTS 4
#define FIRST 11 /* the last byte of the first client's address */
#define ATTEMPTS_MOST 1000

/* Times in ms since the client was made. */
static struct {
    rim_tcp_client* tcp;
    uint64_t made_at, at[ATTEMPTS_MOST];
    unsigned count;
} clients[CLIENTS];

static int listeners[2];
static uint16_t port;

static void fail(const char* what, unsigned client, uint64_t value) {
    fprintf(stderr, "our_attempts: client %u: %s: %" PRIu64 "\n", client, what, value);
    for (unsigned i = 0; i < clients[client].count && i < 20; i++)
        fprintf(stderr, " %" PRIu64, clients[client].at[i]);
    fprintf(stderr, " ms\n");
    exit(1);
}

static int listener(uint16_t at) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(at)};
    int one = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(made, (struct sockaddr*)&address, sizeof address) == 0 && listen(made, 100) == 0)
        return made;
    close(made);
    return -1;
}

/* Two consecutive ports. */
static void listen_on_two(void) {
    for (int attempt = 0; attempt < 100; attempt++) {
        struct sockaddr_in bound;
        socklen_t size = sizeof bound;
        listeners[0] = listener(0);
        if (listeners[0] < 0) continue;
        getsockname(listeners[0], (struct sockaddr*)&bound, &size);
        port = ntohs(bound.sin_port);
        listeners[1] = port < 65535 ? listener((uint16_t)(port + 1)) : -1;
        if (listeners[1] >= 0) return;
        close(listeners[0]);
    }
    fail("no two ports", 0, 0);
}

/* Accepts, counts and closes, for so long. A client begins an attempt at the second port. */
static void count_attempts(uint64_t milliseconds) {
    uint64_t end = our_now_ms() + milliseconds;
    for (uint64_t now = our_now_ms(); now < end; now = our_now_ms()) {
        struct pollfd polled[2] = {{.fd = listeners[0], .events = POLLIN},
                                   {.fd = listeners[1], .events = POLLIN}};
        poll(polled, 2, (int)(end - now));
        for (int i = 0; i < 2; i++) {
            struct sockaddr_in from;
            socklen_t size = sizeof from;
            if (polled[i].revents == 0) continue;
            int accepted = accept(listeners[i], (struct sockaddr*)&from, &size);
            if (accepted < 0) continue;
            close(accepted);
            unsigned client = (ntohl(from.sin_addr.s_addr) & 255) - FIRST;
            if (i == 0 || client >= CLIENTS || clients[client].count == ATTEMPTS_MOST) continue;
            clients[client].at[clients[client].count++] = our_now_ms() - clients[client].made_at;
        }
    }
}

static void make(unsigned client) {
    char address[40];
    snprintf(address, sizeof address, "127.0.0.%u;127.0.0.1", FIRST + client);
    clients[client].count = 0;
    clients[client].made_at = our_now_ms();
    if (rim_tcp_client_new(address, port, NULL, &clients[client].tcp) != RIM_STATUS_OK) {
        fprintf(stderr, "our_attempts: %s\n", rim_last_error());
        exit(1);
    }
}

/* Nobody wants anything: pauses of 100, 200, 400 ms and so on up to 2 s, each a quarter more or
 * less. A busy machine makes them longer, so attempts are counted that come too early, or far too
 * late. */
static void without_a_wish(void) {
    static const uint64_t pauses[] = {0, 100, 200, 400, 800, 1600, 2000, 2000, 2000};
    const unsigned known = sizeof pauses / sizeof pauses[0];
    unsigned alike = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        make(i);
    count_attempts(8000);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint64_t earliest = 0;
        const uint64_t* at = clients[i].at;
        unsigned count = clients[i].count;
        if (count < 5) fail("attempts within 8 s", i, count);
        for (unsigned k = 0; k < count; k++) {
            earliest += pauses[k < known ? k : known - 1] * 3 / 4;
            if (at[k] + 5 < earliest) fail("attempt that came too early", i, k + 1);
        }
        if (at[4] - at[3] <= at[1] - at[0]) fail("the pauses do not grow", i, at[4] - at[3]);
        printf("attempts=%u last-pause-ms=%" PRIu64 "\n", count, at[count - 1] - at[count - 2]);
    }
    /* Those that lose one server at the same time must not come back at the same time. */
    for (unsigned i = 1; i < CLIENTS; i++) {
        uint64_t apart = 0;
        for (unsigned k = 1; k < 5; k++) {
            uint64_t a = clients[0].at[k] - clients[0].at[k - 1];
            uint64_t b = clients[i].at[k] - clients[i].at[k - 1];
            apart += a < b ? b - a : a - b;
        }
        alike += apart < 10;
    }
    if (alike == CLIENTS - 1) fail("all keep the same pauses", 0, alike);
}

static void on_end(void* user, rim_status status, const char* error) {
    (void)user;
    (void)status;
    (void)error;
}

/* Somebody waits: an attempt every 100 ms, though the pauses have grown. */
static void with_a_wish(void) {
    static uint8_t words[CLIENTS][4];
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].count = 0;
        clients[i].made_at = our_now_ms();
        if (rim_tcp_client_request(clients[i].tcp, 0, words[i], 4, RIM_READ, 60000000, on_end, NULL,
                                   NULL) != RIM_STATUS_OK)
            fail(rim_last_error(), i, 0);
    }
    count_attempts(3000);
    for (unsigned i = 0; i < CLIENTS; i++) {
        printf("wanted-attempts=%u\n", clients[i].count);
        if (clients[i].count < 8 || clients[i].count > 31)
            fail("attempts within 3 s while somebody waits", i, clients[i].count);
    }
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    listen_on_two();
    without_a_wish();
    with_a_wish();
    for (unsigned i = 0; i < CLIENTS; i++)
        rim_tcp_client_free(clients[i].tcp);
    return 0;
}
