/*
 * A program makes a server and then calls daemon(3), which forks and ends the parent: the child
 * does not keep the parent's sockets. Clients are told at once, the ports are free, and the child
 * can make the server anew.
 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "ends.h"

#include <sys/stat.h>

static int up[2], go_on[2], end[2];

/* The program, up to its end. */
static void become_a_daemon(void* unused) {
    rim_tcp_server *before, *after;
    rim_tcp_client* old;
    uint16_t port, wanted;
    int fd, count = 0;
    struct stat what;
    pid_t parent;
    (void)unused;
    port = serve_memory(&before, NULL);
    old = client_of(port);
    exchange(old, 1);
    CHECK(write(up[1], &port, sizeof port) == (ssize_t)sizeof port);
    CHECK(await(go_on) == 'g');
    parent = getpid();
    CHECK(daemon(1, 0) == 0);
    /* This is another process now. Its parent has the ports until it has ended. */
    check_begin();
    while (getppid() == parent)
        sleep_ms(1);
    for (fd = 0; fd < 256; fd++) {
        count += fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
    }
    wanted = count == 0 ? serve_memory_at(&after, port, NULL) : 0;
    CHECK(write(up[1], &wanted, sizeof wanted) == (ssize_t)sizeof wanted);
    CHECK_STATUS(rim_tcp_server_port(before, &port), RIM_STATUS_FORKED);
    rim_tcp_client_free(old);
    rim_tcp_server_free(before);
    CHECK(await(end) == 'e');
    rim_tcp_server_free(after);
    give(up, 'd');
    _exit(0);
}

int main(void) {
    rim_tcp_client* client;
    rim_tcp_client_stats stats;
    uint32_t word = 0;
    uint16_t port, again;
    pid_t parent;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    CHECK(pipe(up) == 0 && pipe(go_on) == 0 && pipe(end) == 0);
    parent = child(become_a_daemon, NULL);
    CHECK(read(up[0], &port, sizeof port) == (ssize_t)sizeof port);
    client = client_of(port);
    exchange(client, 2);
    give(go_on, 'g');
    CHECK(ended(parent) == 0);
    /* The server that is there now has memory of its own. */
    CHECK(read(up[0], &again, sizeof again) == (ssize_t)sizeof again);
    CHECK(again == port);
    while (rim_tcp_client_read(client, 0x40, &word, 4, PATIENCE) != RIM_STATUS_OK) {
        /* What was on its way when the connection went, and no more than that. */
        CHECK_SAYS("connection lost");
    }
    CHECK(word == 0);
    exchange(client, 3);
    CHECK_OK(rim_tcp_client_get_stats(client, &stats, sizeof stats));
    CHECK(stats.losses == 1 && stats.connects == 2);
    rim_tcp_client_free(client);
    give(end, 'e');
    CHECK(await(up) == 'd');
    return 0;
}
