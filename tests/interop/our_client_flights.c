/* Many transactions of our client under way at once; see the header. */
#define _POSIX_C_SOURCE 200809L

#include "our_client_flights.h"

#include <pthread.h>
#include <unistd.h>

/* One of them. The mutex guards what callbacks write. */
struct flight {
    rim_status status;
    unsigned calls;
    uint8_t word[4];
    char error[200];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t landings;

static void landed(void* user, rim_status status, const char* error) {
    struct flight* flight = user;
    pthread_mutex_lock(&mutex);
    flight->status = status;
    snprintf(flight->error, sizeof flight->error, "%s", error);
    flight->calls++;
    landings++;
    pthread_mutex_unlock(&mutex);
}

static uint64_t landed_so_far(void) {
    pthread_mutex_lock(&mutex);
    uint64_t count = landings;
    pthread_mutex_unlock(&mutex);
    return count;
}

/* Each has a timeout of its own, so this ends; one call more than is due shows in the counts. */
static void await_landings(uint64_t count) {
    while (landed_so_far() < count)
        our_sleep_ms(1);
}

static bool landed_well(struct client* client, const struct flight* flight, uint64_t number) {
    return (flight->status == RIM_STATUS_OK && flight->calls == 1) ||
           failed(client, "transaction %" PRIu64 ": %s: %s, %u calls", number,
                  rim_status_name(flight->status), flight->error, flight->calls);
}

static bool outstanding(struct client* client, uint64_t address, uint64_t count,
                        struct flight* flights) {
    uint64_t sent = 0, most = 0, seed = (uint64_t)getpid();
    landings = 0;
    for (; sent < 2 * count; sent++) {
        struct flight* flight = &flights[sent];
        bool write = sent < count;
        if (write) our_pattern(flight->word, 4, seed + sent);
        rim_status status = rim_tcp_client_request(client->tcp, address + sent % count * 4,
                                                   flight->word, 4, write ? RIM_WRITE : RIM_READ,
                                                   client->timeout_us, landed, flight, NULL);
        if (status != RIM_STATUS_OK) {
            failed(client, "request %" PRIu64 " was not taken: %s", sent, rim_last_error());
            break;
        }
        uint64_t under_way = sent + 1 - landed_so_far();
        if (under_way > most) most = under_way;
    }
    bool held = sent == 2 * count;
    await_landings(sent);
    for (uint64_t i = 0; held && i < sent; i++) {
        uint8_t expected[4];
        our_pattern(expected, 4, seed + i % count);
        held =
            landed_well(client, &flights[i], i) &&
            same(client, "a word of many", address + i % count * 4, flights[i].word, expected, 4);
    }
    printf("under-way=%" PRIu64 "\n", most);
    return held;
}

bool flights_outstanding(struct client* client, uint64_t address, uint64_t count) {
    struct flight* flights = calloc(2 * count + 1, sizeof *flights);
    if (flights == NULL) return failed(client, "no memory");
    bool held = outstanding(client, address, count, flights);
    free(flights);
    return held;
}

static struct flight* asked;
static uint8_t* asked_data;
static uint64_t asked_count;

bool flights_ask(struct client* client, uint64_t address, uint32_t size, uint64_t count) {
    asked = calloc(count + 1, sizeof *asked);
    asked_data = calloc(count + 1, size);
    if (asked == NULL || asked_data == NULL) return failed(client, "no memory");
    landings = 0;
    for (asked_count = 0; asked_count < count; asked_count++)
        if (rim_tcp_client_request(
                client->tcp, address + asked_count * size, asked_data + asked_count * size, size,
                RIM_READ, client->timeout_us, landed, &asked[asked_count], NULL) != RIM_STATUS_OK)
            return failed(client, "request %" PRIu64 " was not taken: %s", asked_count,
                          rim_last_error());
    return true;
}

bool flights_collect(struct client* client) {
    bool held = true;
    await_landings(asked_count);
    for (uint64_t i = 0; held && i < asked_count; i++)
        held = landed_well(client, &asked[i], i);
    free(asked);
    free(asked_data);
    asked = NULL;
    asked_data = NULL;
    asked_count = 0;
    return held;
}
