/*
 * Many clients of ours in one process, each on a thread of its own: transactions of all types, one
 * at a time and many at once, by the client's own calls and through a master, and some that come
 * anew now and then. Each holds every value against its model; for those that all of them share,
 * see sharing.h. The server that it needs, and how many it must have counted, is in the scripts.
 *
 * Prints asked=N, the sum of all, and shared=N, which is not in there. Ends with 0; 1 and a line
 * that names what differed; 2: wrong command line.
 */
#define _POSIX_C_SOURCE 200809L

#include "model.h"
#include "our.h"
#include "sharing.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include <rogue/rim.h>

/* Of a transaction. It may wait for a hundred others on a machine that is busy with other things.
 */
#define TIMEOUT_US UINT64_C(60000000)
#define CLIENTS_MOST 200u

static const char* host;
static uint16_t port;

struct client {
    uint64_t region, count;
    rim_tcp_client* tcp;
    rim_master* master;
    struct model model;
    struct model_step steps[MODEL_BATCH];
    struct sharing sharing;
    struct sharing_step shared[SHARING_BATCH];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    uint32_t landed;
    rim_status status;
    char error[300];
};

static void fail(const struct client* client, const struct model_step* step, const char* why) {
    fprintf(stderr, "our_many: region %" PRIu64 ": type %u of %u bytes at 0x%x: %s\n",
            client->region, step->type, step->size, step->offset, why);
    exit(1);
}

static void demand(const struct client* client, const struct model_step* step, rim_status status) {
    char why[400];
    if (status == RIM_STATUS_OK) return;
    snprintf(why, sizeof why, "%s: %s", rim_status_name(status), rim_last_error());
    fail(client, step, why);
}

static void check(const struct client* client, const struct model_step* step) {
    char why[100];
    if (step->type == MODEL_WRITE || step->type == MODEL_POST) return;
    for (uint32_t i = 0; i < step->size; i++) {
        if (step->data[i] == step->expected[i]) continue;
        snprintf(why, sizeof why, "byte %u is %02x, expected %02x", i, step->data[i],
                 step->expected[i]);
        fail(client, step, why);
    }
}

static uint64_t address(const struct client* client, const struct model_step* step) {
    return client->region << 32 | step->offset;
}

static void one(struct client* client, bool by_master) {
    struct model_step* step = &client->steps[0];
    rim_status status;
    uint32_t id = 0;
    model_next(&client->model, step);
    uint64_t at = address(client, step);
    if (by_master) {
        status = rim_master_request(client->master, at, step->data, step->size, step->type, &id);
        if (status == RIM_STATUS_OK) status = rim_master_wait(client->master, id);
    } else if (step->type == MODEL_READ) {
        status = rim_tcp_client_read(client->tcp, at, step->data, step->size, TIMEOUT_US);
    } else if (step->type == MODEL_WRITE) {
        status = rim_tcp_client_write(client->tcp, at, step->data, step->size, TIMEOUT_US);
    } else if (step->type == MODEL_POST) {
        status = rim_tcp_client_post(client->tcp, at, step->data, step->size, TIMEOUT_US);
    } else {
        status = rim_tcp_client_verify(client->tcp, at, step->data, step->size, TIMEOUT_US);
    }
    demand(client, step, status);
    check(client, step);
}

static void on_landing(void* user, rim_status status, const char* error) {
    struct client* client = user;
    pthread_mutex_lock(&client->mutex);
    client->landed++;
    if (status != RIM_STATUS_OK) {
        client->status = status;
        snprintf(client->error, sizeof client->error, "%s", error);
    }
    pthread_cond_signal(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

static void many(struct client* client, uint32_t count, bool by_master) {
    uint32_t id = 0;
    client->landed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct model_step* step = &client->steps[i];
        model_next(&client->model, step);
        uint64_t at = address(client, step);
        demand(client, step,
               by_master
                   ? rim_master_request(client->master, at, step->data, step->size, step->type, &id)
                   : rim_tcp_client_request(client->tcp, at, step->data, step->size, step->type,
                                            TIMEOUT_US, on_landing, client, NULL));
    }
    if (by_master) {
        demand(client, client->steps, rim_master_wait(client->master, 0));
    } else {
        pthread_mutex_lock(&client->mutex);
        while (client->landed < count)
            pthread_cond_wait(&client->changed, &client->mutex);
        if (client->status != RIM_STATUS_OK) fail(client, client->steps, client->error);
        pthread_mutex_unlock(&client->mutex);
    }
    for (uint32_t i = 0; i < count; i++)
        check(client, &client->steps[i]);
}

/* One of those that are shared is over. */
struct landing {
    struct client* client;
    struct sharing_step* step;
};

static void on_shared_landing(void* user, rim_status status, const char* error) {
    struct landing* landing = user;
    landing->step->ended_ns = history_now();
    on_landing(landing->client, status, error);
}

static void share(struct client* client, uint32_t count, bool by_master) {
    struct landing landings[SHARING_BATCH];
    uint32_t ids[SHARING_BATCH];
    struct model_step none = {0};
    client->landed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct sharing_step* step = &client->shared[i];
        landings[i] = (struct landing){client, step};
        sharing_next(&client->sharing, step);
        demand(client, &none,
               by_master ? rim_master_request(client->master, step->address, &step->word,
                                              sizeof step->word, step->type, &ids[i])
                         : rim_tcp_client_request(client->tcp, step->address, &step->word,
                                                  sizeof step->word, step->type, TIMEOUT_US,
                                                  on_shared_landing, &landings[i], NULL));
    }
    for (uint32_t i = 0; i < count && by_master; i++) {
        demand(client, &none, rim_master_wait(client->master, ids[i]));
        client->shared[i].ended_ns = history_now();
    }
    pthread_mutex_lock(&client->mutex);
    while (!by_master && client->landed < count)
        pthread_cond_wait(&client->changed, &client->mutex);
    if (client->status != RIM_STATUS_OK) fail(client, &none, client->error);
    pthread_mutex_unlock(&client->mutex);
    for (uint32_t i = 0; i < count; i++)
        sharing_done(&client->sharing, &client->shared[i]);
}

/* Connects, anew if it has been connected. */
static void come(struct client* client) {
    struct model_step none = {0};
    rim_slave* slave = NULL;
    rim_tcp_client_free(client->tcp);
    demand(client, &none, rim_tcp_client_new(host, port, NULL, &client->tcp));
    demand(client, &none, rim_tcp_client_as_slave(client->tcp, &slave));
    demand(client, &none, rim_master_set_slave(client->master, slave));
    rim_slave_free(slave);
    client->sharing.connection++;
}

/* A Post is not waited for, so it is a read that says that all was carried out. */
static void flush(struct client* client) {
    struct model_step step = {.type = MODEL_READ, .size = 1};
    uint64_t begun_ns = history_now();
    demand(client, &step,
           rim_tcp_client_read(client->tcp, address(client, &step), step.data, 1, TIMEOUT_US));
    step.expected[0] = client->model.bytes[0];
    check(client, &step);
    sharing_answered(&client->sharing, begun_ns);
}

static void* run(void* argument) {
    struct client* client = argument;
    struct model_step none = {0};
    uint64_t asked = 1, left_at = 0; /* one for the last flush */
    demand(client, &none, rim_master_new(&client->master));
    demand(client, &none, rim_master_set_timeout_us(client->master, TIMEOUT_US));
    come(client);
    while (asked < client->count) {
        uint64_t left = client->count - asked;
        bool by_master = model_below(&client->model, 2) == 0;
        uint32_t batch = 1 + model_below(&client->model, MODEL_BATCH);
        uint32_t shared = sharing_turn(&client->sharing);
        if (shared > 0) share(client, shared, by_master);
        if (client->region % 4 == 0 && asked - left_at > client->count / 4 && left > 1) {
            flush(client);
            come(client);
            left_at = asked++;
        } else if (model_below(&client->model, 3) == 0) {
            batch = batch < left ? batch : (uint32_t)left;
            many(client, batch, by_master);
            asked += batch;
        } else {
            one(client, by_master);
            asked++;
        }
    }
    flush(client);
    sharing_end(&client->sharing);
    rim_master_free(client->master);
    rim_tcp_client_free(client->tcp);
    return NULL;
}

int main(int argc, char** argv) {
    static struct client clients[CLIENTS_MOST];
    pthread_t threads[CLIENTS_MOST];
    uint64_t at = 0, shared = 0, first = 0, number = 0, count = 0, seed = 0;
    if (argc != 7 || !our_parse(argv[2], UINT16_MAX, &at) || !our_parse(argv[3], 255, &first) ||
        !our_parse(argv[4], CLIENTS_MOST, &number) || number == 0 ||
        !our_parse(argv[5], UINT32_MAX, &count) || count == 0 ||
        !our_parse(argv[6], UINT64_MAX, &seed)) {
        fprintf(stderr, "usage: our_many ADDR PORT FIRST-REGION CLIENTS COUNT-OF-EACH SEED\n");
        return 2;
    }
    host = argv[1];
    port = (uint16_t)at;
    for (uint64_t i = 0; i < number; i++) {
        clients[i].region = first + i;
        clients[i].count = count;
        model_begin(&clients[i].model, seed << 20 | clients[i].region);
        sharing_begin(&clients[i].sharing, "ours", clients[i].region);
        pthread_mutex_init(&clients[i].mutex, NULL);
        pthread_cond_init(&clients[i].changed, NULL);
        if (pthread_create(&threads[i], NULL, run, &clients[i]) != 0) {
            fprintf(stderr, "our_many: no thread\n");
            return 1;
        }
    }
    for (uint64_t i = 0; i < number; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t i = 0; i < number; i++)
        shared += clients[i].sharing.count;
    printf("asked=%" PRIu64 "\nshared=%" PRIu64 "\n", number * count, shared);
    return 0;
}
