/*
 * A process with a server and a client, both at work, forks: the child may end by _exit, by exit,
 * or run another program, and may free its handles before. The parent's connections are not
 * touched, nor its ports. And a child that lives on does not keep open what its parent closes.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <sys/stat.h>

static rim_tcp_server *server, *polled;
static rim_tcp_client *client, *waiting;
static rim_master* master;
static rim_slave* slave;
static volatile int over;
static counter turns = COUNTER_INIT;

/* Transactions without end, so that locks are held and requests are under way when it forks. */
static void* keep_asking(void* unused) {
    uint32_t n;
    (void)unused;
    for (n = 0; !over; n++) {
        exchange(client, n);
        counter_add(&turns);
    }
    return NULL;
}

static void end_at_once(void* unused) {
    (void)unused;
    _exit(0);
}

static void end_in_order(void* unused) { (void)unused; }

static void free_all(void* unused) {
    (void)unused;
    rim_master_free(master);
    rim_slave_free(slave);
    rim_tcp_client_stop(client);
    rim_tcp_server_stop(server);
    rim_tcp_client_free(client);
    rim_tcp_client_free(waiting);
    rim_tcp_server_free(server);
    rim_tcp_server_free(polled);
    exit(0);
}

static void free_the_client(void* unused) {
    (void)unused;
    rim_slave_free(slave);
    rim_tcp_client_free(client);
    rim_tcp_client_free(waiting);
    _exit(0);
}

/* Descriptors that are sockets. */
static int sockets(void) {
    int fd, count = 0;
    for (fd = 0; fd < 256; fd++) {
        struct stat what;
        count += fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
    }
    return count;
}

/* As many as there were before there was anything here. */
static char at_first[16];

/* This program again, which looks whether it has inherited any, and says so by its status. */
static void run_another(void* unused) {
    (void)unused;
    execl("/proc/self/exe", "forked", at_first, (char*)NULL);
    _exit(7);
}

static void wait_for_the_end(void* argument) { (void)await(argument); }

/* The parent's server stops, another takes its ports, and a child has a copy of the sockets. */
static void a_stopped_server_leaves_nothing(void) {
    rim_tcp_server* first;
    rim_tcp_client* asking;
    rim_tcp_client_stats stats;
    uint32_t word = 0;
    int end[2];
    pid_t copy;
    const uint16_t port = serve_memory(&first, NULL);
    asking = client_of(port);
    exchange(asking, 1);
    CHECK(pipe(end) == 0);
    copy = child(wait_for_the_end, end);
    rim_tcp_server_free(first);
    /* The client is told, and then finds nobody. */
    do {
        CHECK(rim_tcp_client_write(asking, 0, &word, 4, 300000) != RIM_STATUS_OK);
    } while (strstr(rim_last_error(), "connection refused") == NULL);
    CHECK(serve_memory_at(&first, port, NULL) == port);
    exchange(asking, 2);
    CHECK_OK(rim_tcp_client_get_stats(asking, &stats, sizeof stats));
    CHECK(stats.losses == 1 && stats.connects == 2);
    give(end, 'e');
    CHECK(ended(copy) == 0);
    rim_tcp_client_free(asking);
    rim_tcp_server_free(first);
}

int main(int argc, char** argv) {
    static void (*const ways[])(void*) = {end_at_once, end_in_order, free_all, free_the_client,
                                          run_another};
    enum { WAYS = sizeof ways / sizeof ways[0], ROUNDS = 12 };
    rim_tcp_client* late;
    rim_tcp_client_stats stats;
    rim_tcp_server_stats served;
    pthread_t asking;
    uint32_t word = 1, id;
    uint16_t port;
    int n;
    check_begin();
    if (argc > 1) {
        return sockets() == atoi(argv[1]) ? 0 : 3;
    }
    snprintf(at_first, sizeof at_first, "%d", sockets());
    CHECK_OK(rim_log_set_stdout(false));
    client = client_of(serve_memory(&server, NULL));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &polled));
    CHECK_OK(rim_tcp_server_port(polled, &port));
    waiting = client_of(port);
    CHECK_OK(rim_tcp_client_as_slave(waiting, &slave));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_set_timeout_us(master, PATIENCE));
    CHECK_OK(rim_master_request(master, 0, &word, 4, RIM_WRITE, &id));
    exchange(client, 0);
    CHECK(sockets() > atoi(at_first));
    CHECK(pthread_create(&asking, NULL, keep_asking, NULL) == 0);
    for (n = 0; n < WAYS * ROUNDS; n++) {
        int before = counter_get(&turns);
        CHECK(ended(child(ways[n % WAYS], NULL)) == 0);
        counter_wait(&turns, before + 20);
    }
    over = 1;
    CHECK(pthread_join(asking, NULL) == 0);
    CHECK_OK(rim_tcp_client_get_stats(client, &stats, sizeof stats));
    CHECK(stats.losses == 0 && stats.connects == 1);
    CHECK_OK(rim_tcp_server_get_stats(server, &served, sizeof served));
    CHECK(served.connections == 2 && served.connections_total == 2);
    CHECK_OK(rim_tcp_server_port(server, &port));
    late = client_of(port);
    exchange(late, 1);
    rim_tcp_client_free(late);
    /* What had been asked for before all that comes out now. */
    for (n = 0; n < 1000; n++) {
        rim_transaction* transaction;
        rim_status status = rim_tcp_server_next(polled, 100000, &transaction);
        if (status == RIM_STATUS_OK) {
            CHECK_OK(rim_transaction_done(transaction));
            rim_transaction_free(transaction);
            break;
        }
        CHECK(status == RIM_STATUS_TIMEOUT);
    }
    CHECK_OK(rim_master_wait(master, id));
    rim_master_free(master);
    rim_slave_free(slave);
    rim_tcp_client_free(client);
    rim_tcp_client_free(waiting);
    rim_tcp_server_free(server);
    rim_tcp_server_free(polled);
    a_stopped_server_leaves_nothing();
    return 0;
}
