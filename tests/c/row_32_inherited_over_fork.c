/*
 * Many threads are at work on a client, a server and a master while the process forks. Each child
 * calls every function of what it has inherited: all but stop and free fail at once, whatever locks
 * the parent's threads had at the moment of the fork, and its own endpoints work. The parent
 * notices nothing: it counts every transaction, and none has failed.
 */
#define _POSIX_C_SOURCE 200809L
#include "ends.h"

enum { THREADS = 3, CHILDREN = 40 };

static rim_tcp_server *server, *polled, *keeping;
static rim_tcp_client *client, *kept_for;
static rim_slave *slave, *memory;
static rim_master *master, *waiting, *local;
static rim_hub* hub;
static rim_transaction *kept, *done;
static uint32_t under_way, lent;
static uint16_t port;
static volatile int over;
static unsigned long reads[THREADS + 1], looks, connections;

/* Writes and reads at an address of its own, through the client or through the master. */
static void* work(void* argument) {
    const unsigned long number = (unsigned long)(uintptr_t)argument;
    const uint64_t address = 0x100 * number;
    uint32_t value, back, id;
    for (value = 1; !over; value++) {
        back = ~value;
        if (number < THREADS) {
            CHECK_OK(rim_tcp_client_write(client, address, &value, 4, PATIENCE));
            CHECK_OK(rim_tcp_client_read(client, address, &back, 4, PATIENCE));
        } else {
            CHECK_OK(rim_master_request(master, address, &value, 4, RIM_WRITE, &id));
            CHECK_OK(rim_master_wait(master, id));
            CHECK_OK(rim_master_request(master, address, &back, 4, RIM_READ, &id));
            CHECK_OK(rim_master_wait(master, 0));
        }
        CHECK(back == value);
        reads[number]++;
    }
    return NULL;
}

/* Takes the locks that the statistics, the state and the options need. */
static void* look(void* unused) {
    rim_tcp_client_stats stats;
    rim_tcp_server_stats served;
    rim_tcp_peer_stats peers[4];
    rim_tcp_client_options options;
    size_t count;
    uint32_t state;
    (void)unused;
    for (; !over; looks++) {
        CHECK_OK(rim_tcp_client_get_stats(client, &stats, sizeof stats));
        CHECK_OK(rim_tcp_server_get_stats(server, &served, sizeof served));
        CHECK_OK(rim_tcp_server_get_peer_stats(server, peers, sizeof peers[0], 4, &count));
        CHECK_OK(rim_tcp_client_link_state(client, &state));
        CHECK_OK(rim_tcp_client_get_options(client, &options, sizeof options));
        CHECK_OK(rim_tcp_client_set_options(client, &options));
    }
    return NULL;
}

/* Connects a hub of its own again and again. */
static void* connect_hub(void* unused) {
    rim_hub* own;
    (void)unused;
    CHECK_OK(rim_hub_new(0x2000, 0, 0, &own));
    for (; !over; connections++) {
        CHECK_OK(rim_hub_set_slave(own, memory));
    }
    rim_hub_free(own);
    return NULL;
}

/* Waits in next, for a server that nobody asks. */
static void* pull(void* unused) {
    rim_transaction* transaction;
    (void)unused;
    CHECK_STATUS(rim_tcp_server_next(polled, RIM_FOREVER_US, &transaction), RIM_STATUS_STOPPED);
    return NULL;
}

static counter came = COUNTER_INIT;

/* Completes the first one and keeps its handle; keeps the second one as it is. */
static void keep(void* user, rim_transaction* transaction) {
    (void)user;
    if (done == NULL) {
        done = transaction;
        CHECK_OK(rim_transaction_done(transaction));
    } else {
        kept = transaction;
    }
    counter_add(&came);
}

static void never(void* user, rim_status status, const char* error) {
    (void)user, (void)status, (void)error;
    _exit(9);
}

#define REFUSED(call)                                                                              \
    do {                                                                                           \
        CHECK_STATUS(call, RIM_STATUS_FORKED);                                                     \
        CHECK_SAYS("was made before the process was forked");                                      \
    } while (0)

static void use_the_client(rim_tcp_client* inherited) {
    rim_tcp_client_stats stats;
    rim_tcp_client_options options;
    rim_slave* got;
    uint32_t word = 0;
    REFUSED(rim_tcp_client_read(inherited, 0, &word, 4, PATIENCE));
    REFUSED(rim_tcp_client_write(inherited, 0, &word, 4, PATIENCE));
    REFUSED(rim_tcp_client_post(inherited, 0, &word, 4, PATIENCE));
    REFUSED(rim_tcp_client_verify(inherited, 0, &word, 4, PATIENCE));
    REFUSED(rim_tcp_client_request(inherited, 0, &word, 4, RIM_READ, PATIENCE, never, NULL, NULL));
    REFUSED(rim_tcp_client_wait_ready(inherited, PATIENCE, 1000));
    REFUSED(rim_tcp_client_wait_link(inherited, RIM_LINK_LOST, PATIENCE));
    REFUSED(rim_tcp_client_link_state(inherited, &word));
    REFUSED(rim_tcp_client_get_stats(inherited, &stats, sizeof stats));
    REFUSED(rim_tcp_client_get_options(inherited, &options, sizeof options));
    CHECK_OK(rim_tcp_client_options_init(&options, sizeof options));
    REFUSED(rim_tcp_client_set_options(inherited, &options));
    REFUSED(rim_tcp_client_as_slave(inherited, &got));
}

static void use_the_server(rim_tcp_server* inherited) {
    rim_tcp_server_stats stats;
    rim_tcp_peer_stats peers[4];
    rim_tcp_server_options options;
    rim_transaction* got;
    size_t count;
    uint16_t at;
    REFUSED(rim_tcp_server_next(inherited, RIM_FOREVER_US, &got));
    REFUSED(rim_tcp_server_next(inherited, 0, &got));
    REFUSED(rim_tcp_server_set_slave(inherited, slave));
    REFUSED(rim_tcp_server_set_timeout_us(inherited, 1000));
    REFUSED(rim_tcp_server_port(inherited, &at));
    REFUSED(rim_tcp_server_get_stats(inherited, &stats, sizeof stats));
    REFUSED(rim_tcp_server_get_peer_stats(inherited, peers, sizeof peers[0], 4, &count));
    REFUSED(rim_tcp_server_get_options(inherited, &options, sizeof options));
    CHECK_OK(rim_tcp_server_options_init(&options, sizeof options));
    REFUSED(rim_tcp_server_set_options(inherited, &options));
}

static void use_the_transaction(rim_transaction* inherited) {
    rim_transaction* got;
    uint8_t* data;
    size_t size;
    uint32_t word = 0;
    rim_transaction_info info;
    bool expired;
    REFUSED(rim_transaction_get_info(inherited, &info, sizeof info));
    REFUSED(rim_transaction_expired(inherited, &expired));
    REFUSED(rim_transaction_retain(inherited, &got));
    REFUSED(rim_transaction_lock(inherited, &data, &size));
    REFUSED(rim_transaction_unlock(inherited));
    REFUSED(rim_transaction_copy_in(inherited, 0, &word, 4));
    REFUSED(rim_transaction_copy_out(inherited, 0, &word, 4));
    REFUSED(rim_transaction_piece(inherited, 0, 0, 4, &got));
    REFUSED(rim_transaction_seal(inherited));
    REFUSED(rim_transaction_refresh(inherited, NULL));
    REFUSED(rim_transaction_done(inherited));
    REFUSED(rim_transaction_fail(inherited, "no"));
    REFUSED(rim_slave_do_transaction(slave, inherited));
    rim_transaction_free(inherited);
}

/* Hubs of the child's own are connected, though the parent may have been connecting one at the
 * moment of the fork. */
static void connect_own_hubs(void) {
    rim_hub *first, *second;
    rim_emulate* emulate;
    rim_slave *end, *slave_of_first, *slave_of_second;
    CHECK_OK(rim_emulate_new(4, 4, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &end));
    CHECK_OK(rim_hub_new(0, 0, 0, &first));
    CHECK_OK(rim_hub_new(0, 0, 0, &second));
    CHECK_OK(rim_hub_as_slave(first, &slave_of_first));
    CHECK_OK(rim_hub_as_slave(second, &slave_of_second));
    CHECK_OK(rim_hub_set_slave(first, end));
    CHECK_OK(rim_hub_set_slave(second, slave_of_first));
    CHECK_STATUS(rim_hub_set_slave(first, slave_of_second), RIM_STATUS_INVALID_ARGUMENT);
    rim_slave_free(end);
    rim_slave_free(slave_of_first);
    rim_slave_free(slave_of_second);
    rim_hub_free(first);
    rim_hub_free(second);
    rim_emulate_free(emulate);
}

/* What has no endpoint goes on working, if no other thread was at work on it. */
static void use_what_is_local(void) {
    uint32_t value = 17, back = 0, id;
    CHECK_OK(rim_master_request(local, 0x40, &value, 4, RIM_WRITE, &id));
    CHECK_OK(rim_master_request(local, 0x40, &back, 4, RIM_READ, &id));
    CHECK_OK(rim_master_wait(local, 0));
    CHECK(back == value);
    rim_slave_free(memory);
    rim_hub_free(hub);
    rim_master_free(local);
}

static void use_everything(void* argument) {
    const int number = *(const int*)argument;
    rim_tcp_client* own;
    rim_tcp_server* served;
    uint32_t word = 0, id;
    bool is_done = false;
    alarm(20);
    use_the_client(client);
    use_the_server(server);
    use_the_server(polled);
    use_the_transaction(kept);
    use_the_transaction(done);
    /* By way of a master: what was under way, and what comes. */
    CHECK_OK(rim_master_is_done(waiting, under_way, &is_done));
    CHECK(is_done);
    REFUSED(rim_master_wait(waiting, under_way));
    CHECK_OK(rim_master_request(waiting, 0, &word, 4, RIM_READ, &id));
    REFUSED(rim_master_wait(waiting, id));
    use_what_is_local();
    connect_own_hubs();
    /* Endpoints of its own, the server at ports of the parent's choice, the client at the parent's
     * server. */
    own = client_of(port);
    exchange(own, (uint32_t)number);
    rim_tcp_client_free(own);
    own = client_of(serve_memory(&served, NULL));
    exchange(own, (uint32_t)number);
    rim_tcp_client_free(own);
    rim_tcp_server_free(served);
    if (number % 2 == 0) {
        CHECK_OK(rim_tcp_client_stop(client));
        CHECK_OK(rim_tcp_server_stop(server));
        CHECK_OK(rim_tcp_server_stop(polled));
        use_the_client(client);
        rim_master_free(master);
        rim_master_free(waiting);
        rim_slave_free(slave);
        rim_tcp_client_free(client);
        rim_tcp_client_free(kept_for);
        rim_tcp_server_free(server);
        rim_tcp_server_free(polled);
        rim_tcp_server_free(keeping);
    }
}

static void make_everything(void) {
    rim_slave* keeper;
    rim_emulate* emulate;
    rim_slave* behind;
    uint16_t at;
    uint32_t word = 0;
    port = serve_memory(&server, NULL);
    client = client_of(port);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &polled));
    CHECK_OK(rim_tcp_client_as_slave(client, &slave));
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_set_timeout_us(master, PATIENCE));
    /* Two transactions, of which one is answered and one is not. */
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &keeping));
    CHECK_OK(rim_slave_new(4, 4096, keep, NULL, NULL, &keeper));
    CHECK_OK(rim_tcp_server_set_slave(keeping, keeper));
    rim_slave_free(keeper);
    CHECK_OK(rim_tcp_server_port(keeping, &at));
    kept_for = client_of(at);
    CHECK_OK(rim_tcp_client_read(kept_for, 0, &word, 4, PATIENCE));
    CHECK_OK(rim_tcp_client_as_slave(kept_for, &keeper));
    CHECK_OK(rim_master_new(&waiting));
    CHECK_OK(rim_master_set_slave(waiting, keeper));
    CHECK_OK(rim_master_set_timeout_us(waiting, 3 * (uint64_t)PATIENCE));
    CHECK_OK(rim_master_request(waiting, 0, &lent, 4, RIM_READ, &under_way));
    rim_slave_free(keeper);
    counter_wait(&came, 2);
    /* And a bus without a network. */
    CHECK_OK(rim_emulate_new(4, 4, &emulate));
    CHECK_OK(rim_emulate_as_slave(emulate, &memory));
    CHECK_OK(rim_hub_new(0x1000, 0, 0, &hub));
    CHECK_OK(rim_hub_set_slave(hub, memory));
    CHECK_OK(rim_hub_as_slave(hub, &behind));
    CHECK_OK(rim_master_new(&local));
    CHECK_OK(rim_master_set_slave(local, behind));
    rim_slave_free(behind);
    rim_emulate_free(emulate);
}

int main(void) {
    pthread_t working[THREADS + 1], looking, connecting, pulling;
    rim_tcp_client_stats stats;
    rim_tcp_server_stats served;
    uint64_t counted = 0;
    uintptr_t n;
    int number;
    check_begin();
    CHECK_OK(rim_log_set_stdout(false));
    make_everything();
    for (n = 0; n <= THREADS; n++) {
        CHECK(pthread_create(&working[n], NULL, work, (void*)n) == 0);
    }
    CHECK(pthread_create(&looking, NULL, look, NULL) == 0);
    CHECK(pthread_create(&connecting, NULL, connect_hub, NULL) == 0);
    CHECK(pthread_create(&pulling, NULL, pull, NULL) == 0);
    for (number = 0; number < CHILDREN; number++) {
        CHECK(ended(child(use_everything, &number)) == 0);
    }
    over = 1;
    for (n = 0; n <= THREADS; n++) {
        CHECK(pthread_join(working[n], NULL) == 0);
        CHECK(reads[n] > 0);
        counted += reads[n];
    }
    CHECK(pthread_join(looking, NULL) == 0 && looks > 0);
    CHECK(pthread_join(connecting, NULL) == 0 && connections > 0);
    CHECK_OK(rim_tcp_server_stop(polled));
    CHECK(pthread_join(pulling, NULL) == 0);
    /* Every transaction came out, over the one connection. */
    CHECK_OK(rim_tcp_client_get_stats(client, &stats, sizeof stats));
    CHECK(stats.traffic.reads.done == counted && stats.traffic.reads.failed == 0);
    CHECK(stats.traffic.writes.done == counted && stats.traffic.writes.failed == 0);
    CHECK(stats.losses == 0 && stats.connects == 1);
    CHECK_OK(rim_tcp_server_get_stats(server, &served, sizeof served));
    CHECK(served.traffic.reads.done == counted + CHILDREN);
    CHECK(served.traffic.writes.done == counted + CHILDREN);
    CHECK(served.connections_total == 2 + 2 * CHILDREN);
    CHECK(served.dropped_protocol == 0);
    /* And what the slave had in its hands all the time is answered. */
    CHECK_OK(rim_transaction_done(kept));
    CHECK_OK(rim_master_wait(waiting, under_way));
    rim_transaction_free(kept);
    rim_transaction_free(done);
    rim_master_free(master);
    rim_master_free(waiting);
    rim_master_free(local);
    rim_hub_free(hub);
    rim_slave_free(slave);
    rim_slave_free(memory);
    rim_tcp_client_free(client);
    rim_tcp_client_free(kept_for);
    rim_tcp_server_free(server);
    rim_tcp_server_free(polled);
    rim_tcp_server_free(keeping);
    return 0;
}
