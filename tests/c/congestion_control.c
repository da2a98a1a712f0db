/*
 * On the way from this machine to itself the bridge's connections are not paced, whatever the
 * system's choice is: each of the four sockets of a client and a server has Reno, which paces
 * nothing. Only Linux lets one ask.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <netinet/tcp.h>

#ifdef __linux__
/* Connections of this process with Reno; others, which there must not be, are named. */
static int unpaced(void) {
    int fd, count = 0;
    for (fd = 3; fd < 1024; fd++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        char name[16] = "";
        if (getpeername(fd, (struct sockaddr*)&peer, &length) != 0 || peer.sin_family != AF_INET) {
            continue;
        }
        length = sizeof name - 1;
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0);
        if (strcmp(name, "reno") == 0) {
            count++;
        } else {
            fprintf(stderr, "descriptor %d: %s\n", fd, name);
        }
    }
    return count;
}
#endif

int main(void) {
#ifdef __linux__
    rim_tcp_server* server;
    rim_tcp_client* client = client_of(serve_memory(&server, NULL));
    exchange(client, 1);
    CHECK(unpaced() == 4);
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
#endif
    return 0;
}
