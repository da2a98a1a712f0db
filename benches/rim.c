/*
 * Ours from C. One read at a time is rim_tcp_client_read; several outstanding are
 * rim_master_request and one rim_master_wait for all; a client among many is a rim_tcp_client with
 * a master.
 *
 * Words are read from a rim_emulate. The slave for blocks touches no byte: a read is answered from
 * the memory that the server has for the transaction, a write is in memory when the slave is
 * called.
 */
#include "contestant.h"

#include <pthread.h>

#include "rogue/rim.h"

static bool fine(rim_status status) {
    return status == RIM_STATUS_OK || bench_fail("%s", rim_last_error());
}

/* The slave for blocks. */
static void take(void* user, rim_transaction* transaction) {
    (void)user;
    rim_transaction_done(transaction);
    rim_transaction_free(transaction);
}

/* The slave that is late: a queue in order of arrival, which is also the order of answers. Its
 * places are more than a server hands out at a time. */
enum { PLACES = 4096 };
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    unsigned first, count;
    struct {
        double due;
        rim_transaction* transaction;
    } places[PLACES];
} late = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void take_late(void* user, rim_transaction* transaction) {
    (void)user;
    pthread_mutex_lock(&late.mutex);
    bench_must(late.count < PLACES, "the late slave is full");
    unsigned last = (late.first + late.count++) % PLACES;
    late.places[last].due = bench_now() + BENCH_LATE_US / 1e6;
    late.places[last].transaction = transaction;
    pthread_cond_signal(&late.filled);
    pthread_mutex_unlock(&late.mutex);
}

static void sleep_until(double due) {
    for (;;) {
        double left = due - bench_now();
        if (left <= 0) return;
        struct timespec time = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        nanosleep(&time, NULL);
    }
}

static void* answer_late(void* unused) {
    const uint32_t word = BENCH_WORD;
    for (;;) {
        pthread_mutex_lock(&late.mutex);
        while (late.count == 0)
            pthread_cond_wait(&late.filled, &late.mutex);
        double due = late.places[late.first].due;
        rim_transaction* transaction = late.places[late.first].transaction;
        late.first = (late.first + 1) % PLACES;
        late.count--;
        pthread_mutex_unlock(&late.mutex);

        sleep_until(due);
        rim_transaction_info info = {0};
        rim_transaction_get_info(transaction, &info, sizeof(info));
        if (info.type == RIM_READ) rim_transaction_copy_in(transaction, 0, &word, sizeof(word));
        rim_transaction_done(transaction);
        rim_transaction_free(transaction);
    }
    return unused;
}

static rim_slave* slave_for(const char* kind) {
    rim_slave* slave = NULL;
    rim_emulate* memory = NULL;
    if (strcmp(kind, "blocks") == 0) {
        bench_must(fine(rim_slave_new(4, 0, take, NULL, NULL, &slave)), "slave");
    } else if (strcmp(kind, "late") == 0) {
        pthread_t thread;
        bench_must(pthread_create(&thread, NULL, answer_late, NULL) == 0, "thread");
        bench_must(fine(rim_slave_new(4, 4, take_late, NULL, NULL, &slave)), "slave");
    } else {
        bench_must(fine(rim_emulate_new(4, 0, &memory)), "memory");
        bench_must(fine(rim_emulate_as_slave(memory, &slave)), "memory");
    }
    return slave;
}

static void serve(const char* kind) {
    uint16_t port = 0;
    rim_tcp_server* server = NULL;
    bench_must(fine(rim_tcp_server_new("127.0.0.1", 0, NULL, &server)), "server");
    bench_must(fine(rim_tcp_server_set_slave(server, slave_for(kind))), "server");
    bench_must(fine(rim_tcp_server_port(server, &port)), "server");
    bench_ready(port);
    for (;;)
        pause();
}

typedef struct {
    rim_tcp_client* tcp;
    rim_master* master;
} client;

static uint16_t server_port;
static client all[BENCH_MAX_CLIENTS];
static unsigned count;

static bool add_client(void) {
    client* new = &all[count];
    rim_slave* slave = NULL;
    if (!fine(rim_tcp_client_new("127.0.0.1", server_port, NULL, &new->tcp))) return false;
    count++;
    bool made = fine(rim_master_new(&new->master)) &&
                fine(rim_master_set_timeout_us(new->master, BENCH_TIMEOUT_US)) &&
                fine(rim_tcp_client_as_slave(new->tcp, &slave)) &&
                fine(rim_master_set_slave(new->master, slave));
    rim_slave_free(slave);
    return made;
}

static void remove_client(void) {
    client* last = &all[--count];
    rim_master_free(last->master);
    rim_tcp_client_free(last->tcp);
    memset(last, 0, sizeof(*last));
}

/* Clients that are there already stay. A transaction waits for the connection, so all clients are
 * connected after one transaction of each. */
static bool clients(unsigned wanted) {
    uint32_t word = BENCH_WORD;
    while (count > wanted)
        remove_client();
    for (unsigned n = count; n < wanted; n++)
        if (!add_client()) return false;
    for (unsigned n = 0; n < wanted; n++)
        if (!fine(rim_tcp_client_write(all[n].tcp, BENCH_ADDRESS, &word, sizeof(word),
                                       BENCH_TIMEOUT_US)))
            return false;
    return true;
}

static bool connect_to(uint16_t port) {
    server_port = port;
    return clients(1);
}

static bool word(void) {
    return fine(rim_tcp_client_read(all[0].tcp, BENCH_ADDRESS, bench_words, sizeof(*bench_words),
                                    BENCH_TIMEOUT_US));
}

static bool request(const client* who, uint32_t* word) {
    uint32_t id = 0;
    return fine(rim_master_request(who->master, BENCH_ADDRESS, word, sizeof(*word), RIM_READ, &id));
}

static bool batch(unsigned outstanding) {
    bool sent = true;
    for (unsigned n = 0; n < outstanding && sent; n++)
        sent = request(&all[0], &bench_words[n]);
    return fine(rim_master_wait(all[0].master, 0)) && sent;
}

static bool sweep(void) {
    bool sent = true, received = true;
    for (unsigned n = 0; n < count && sent; n++)
        sent = request(&all[n], &bench_words[n]);
    for (unsigned n = 0; n < count; n++)
        received = fine(rim_master_wait(all[n].master, 0)) && received;
    return sent && received;
}

static bool block(bool write, uint32_t size) {
    return fine(write ? rim_tcp_client_write(all[0].tcp, 0, bench_block, size, BENCH_TIMEOUT_US)
                      : rim_tcp_client_read(all[0].tcp, 0, bench_block, size, BENCH_TIMEOUT_US));
}

int main(int argc, char** argv) {
    static const bench_contestant ours = {serve, connect_to, word, batch, block, clients, sweep};
    return bench_main(argc, argv, &ours);
}
