/*
 * Servers and clients that end in every state that they can be in: stopped, stopped by two threads
 * at a time, and freed. Nobody hangs, and who waits is told.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { ROUNDS = 10 };

static counter held = COUNTER_INIT, told = COUNTER_INIT, ended_users = COUNTER_INIT;
static rim_transaction* kept[1000];

static void count_end(void* unused) {
    (void)unused;
    counter_add(&ended_users);
}

/* Keeps what it is given. */
static void keep(void* unused, rim_transaction* transaction) {
    (void)unused;
    kept[counter_get(&held)] = transaction;
    counter_add(&held);
}

static uint16_t serve_keeper(rim_tcp_server** server) {
    rim_slave* slave;
    uint16_t port;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, server));
    CHECK_OK(rim_tcp_server_port(*server, &port));
    CHECK_OK(rim_slave_new(4, 0, keep, NULL, count_end, &slave));
    CHECK_OK(rim_tcp_server_set_slave(*server, slave));
    rim_slave_free(slave);
    return port;
}

/* A thread that asks once, and what it is told. */
typedef struct {
    rim_tcp_client* client;
    rim_status status;
    pthread_t thread;
} asker;

static void* ask(void* argument) {
    asker* mine = argument;
    uint32_t word;
    mine->status = rim_tcp_client_read(mine->client, 0, &word, 4, RIM_FOREVER_US);
    return NULL;
}

static void* stop_client(void* client) {
    CHECK_OK(rim_tcp_client_stop(client));
    return NULL;
}

static void* stop_server(void* server) {
    CHECK_OK(rim_tcp_server_stop(server));
    return NULL;
}

static void by_two(void* (*stop)(void*), void* endpoint) {
    pthread_t one, other;
    CHECK(pthread_create(&one, NULL, stop, endpoint) == 0);
    CHECK(pthread_create(&other, NULL, stop, endpoint) == 0);
    CHECK(pthread_join(one, NULL) == 0 && pthread_join(other, NULL) == 0);
}

/* Ends a client that a thread waits for, in one of the ways. */
static void end_client(rim_tcp_client* client, int way) {
    asker waiting;
    waiting.client = client;
    CHECK(pthread_create(&waiting.thread, NULL, ask, &waiting) == 0);
    sleep_ms(way);
    by_two(stop_client, client);
    CHECK(pthread_join(waiting.thread, NULL) == 0);
    CHECK(waiting.status == RIM_STATUS_STOPPED);
    rim_tcp_client_free(client);
}

static void hear(void* unused, rim_status status, const char* error) {
    (void)unused;
    CHECK(status == RIM_STATUS_STOPPED && strstr(error, "stopped") != NULL);
    counter_add(&told);
}

/* A port that takes connections and says nothing. */
static int listen_mutely(uint16_t port) {
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr*)&at, sizeof at) == 0 && listen(fd, 8) == 0);
    return fd;
}

static void clients(void) {
    rim_tcp_server* server;
    rim_tcp_client* client;
    static uint8_t word[4];
    uint16_t port;
    int n, mute[2];
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    rim_tcp_server_free(server);
    for (n = 0; n < ROUNDS; n++) {
        /* Before it has tried, and while it waits to try again. */
        rim_tcp_client_free(client_of(port));
        end_client(client_of(port), 3 * n);
        /* While it looks for a name that there is not. */
        CHECK_OK(rim_tcp_client_new("no-such-host.invalid", port, NULL, &client));
        end_client(client, n);
    }
    /* While it connects, and nobody answers. */
    mute[0] = listen_mutely(port);
    mute[1] = listen_mutely((uint16_t)(port + 1));
    for (n = 0; n < ROUNDS; n++) {
        end_client(client_of(port), 3 * n);
    }
    close(mute[0]);
    close(mute[1]);
    /* During a transaction, with others behind it that nobody waits for. */
    port = serve_keeper(&server);
    for (n = 0; n < ROUNDS; n++) {
        int before = counter_get(&held), said = counter_get(&told);
        client = client_of(port);
        CHECK_OK(rim_tcp_client_request(client, 0, word, 4, RIM_READ, PATIENCE, hear, NULL, NULL));
        counter_wait(&held, before + 1);
        end_client(client, n);
        counter_wait(&told, said + 1);
    }
    rim_tcp_server_free(server);
}

static void* next(void* server) {
    rim_transaction* none;
    CHECK_STATUS(rim_tcp_server_next(server, RIM_FOREVER_US, &none), RIM_STATUS_STOPPED);
    counter_add(&told);
    return NULL;
}

static void servers(void) {
    rim_tcp_server* server;
    rim_transaction* transaction;
    rim_tcp_client* client;
    uint16_t port;
    int n;
    for (n = 0; n < ROUNDS; n++) {
        pthread_t pulling;
        asker waiting;
        int before = counter_get(&held), i;
        /* Before anything; with a slave, and nothing to do. */
        CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
        rim_tcp_server_free(server);
        serve_keeper(&server);
        rim_tcp_server_free(server);
        /* While a thread waits in it. */
        CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
        CHECK(pthread_create(&pulling, NULL, next, server) == 0);
        sleep_ms(n);
        by_two(stop_server, server);
        CHECK(pthread_join(pulling, NULL) == 0);
        rim_tcp_server_free(server);
        /* With a transaction in the slave's hands, which ends later, or is let go of. */
        port = serve_keeper(&server);
        client = client_of(port);
        waiting.client = client;
        CHECK(pthread_create(&waiting.thread, NULL, ask, &waiting) == 0);
        counter_wait(&held, before + 1);
        by_two(stop_server, server);
        rim_tcp_server_free(server);
        CHECK(pthread_join(waiting.thread, NULL) == 0);
        CHECK(waiting.status == RIM_STATUS_CONNECTION_LOST);
        transaction = kept[before];
        if (n % 2 == 0) {
            CHECK_OK(rim_transaction_done(transaction));
        }
        rim_transaction_free(transaction);
        rim_tcp_client_free(client);
        /* With a request that nobody has pulled. */
        CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
        CHECK_OK(rim_tcp_server_port(server, &port));
        client = client_of(port);
        waiting.client = client;
        CHECK(pthread_create(&waiting.thread, NULL, ask, &waiting) == 0);
        for (i = 0; i < 1000; i++) {
            rim_status status = rim_tcp_server_next(server, 10000, &transaction);
            if (status == RIM_STATUS_OK) {
                break;
            }
            CHECK(status == RIM_STATUS_TIMEOUT);
        }
        CHECK(i < 1000);
        rim_tcp_server_free(server);
        rim_transaction_free(transaction);
        CHECK(pthread_join(waiting.thread, NULL) == 0);
        CHECK(waiting.status == RIM_STATUS_CONNECTION_LOST);
        rim_tcp_client_free(client);
    }
}

/* A master goes with its transactions under way; so does the client behind it. */
static void masters(void) {
    rim_tcp_server* server;
    const uint16_t port = serve_keeper(&server);
    int n;
    for (n = 0; n < ROUNDS; n++) {
        rim_master* master;
        rim_slave* slave;
        rim_tcp_client* client = client_of(port);
        uint32_t words[3] = {1, 2, 3}, id;
        int i;
        CHECK_OK(rim_master_new(&master));
        CHECK_OK(rim_tcp_client_as_slave(client, &slave));
        CHECK_OK(rim_master_set_slave(master, slave));
        CHECK_OK(rim_master_set_timeout_us(master, RIM_FOREVER_US));
        for (i = 0; i < 3; i++) {
            CHECK_OK(rim_master_request(master, 0, &words[i], 4, RIM_READ, &id));
        }
        sleep_ms(n);
        rim_slave_free(slave);
        if (n % 2 == 0) {
            rim_tcp_client_free(client);
            rim_master_free(master);
        } else {
            rim_master_free(master);
            rim_tcp_client_free(client);
        }
        /* What they lent is theirs again. */
        CHECK(words[0] == 1 && words[1] == 2 && words[2] == 3);
    }
    rim_tcp_server_free(server);
}

/* Each frees the other's handle while it runs on the other's behalf. */
typedef struct {
    rim_tcp_server* server;
    rim_tcp_client* client;
    counter over;
} both;

static void free_the_client(void* user, rim_transaction* transaction) {
    both* ours = user;
    rim_tcp_client_free(ours->client);
    rim_transaction_done(transaction);
    rim_transaction_free(transaction);
    counter_add(&ours->over);
}

static void free_the_server(void* user, rim_status status, const char* error) {
    both* ours = user;
    (void)status;
    (void)error;
    rim_tcp_server_free(ours->server);
    counter_add(&ours->over);
}

static void in_callbacks(void) {
    static uint8_t word[4];
    int n;
    for (n = 0; n < ROUNDS; n++) {
        both ours = {NULL, NULL, COUNTER_INIT};
        rim_slave* slave;
        uint16_t port;
        /* The client, in the slave that carries out what it has asked for. */
        CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &ours.server));
        CHECK_OK(rim_tcp_server_port(ours.server, &port));
        CHECK_OK(rim_slave_new(4, 0, free_the_client, &ours, NULL, &slave));
        CHECK_OK(rim_tcp_server_set_slave(ours.server, slave));
        rim_slave_free(slave);
        ours.client = client_of(port);
        CHECK_OK(
            rim_tcp_client_request(ours.client, 0, word, 4, RIM_READ, PATIENCE, hear, NULL, NULL));
        counter_wait(&ours.over, 1);
        rim_tcp_server_free(ours.server);
        /* The server, in the callback of a client of its own. */
        ours.client = client_of(serve_memory(&ours.server, NULL));
        CHECK_OK(rim_tcp_client_request(ours.client, 0, word, 4, RIM_READ, PATIENCE,
                                        free_the_server, &ours, NULL));
        counter_wait(&ours.over, 2);
        rim_tcp_client_free(ours.client);
    }
}

int main(void) {
    int n;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    clients();
    servers();
    masters();
    in_callbacks();
    /* The slaves have gone, but for those whose transactions are kept. */
    counter_wait(&ended_users, 1 + 2 * ROUNDS + 1);
    for (n = 0; n < 300 && threads() > 1; n++) {
        sleep_ms(10);
    }
    CHECK(threads() == 1);
    return 0;
}
