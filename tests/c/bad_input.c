/* What a program may get wrong: NULL everywhere, bad addresses, ports, options and sizes. Each
 * gives a status and a text, leaves the outputs alone, and crashes nothing. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

/* A call with a NULL that may not be one: the text names the argument. */
#define CHECK_NULL(call, argument)                                                                 \
    do {                                                                                           \
        CHECK_STATUS(call, RIM_STATUS_NULL_ARGUMENT);                                              \
        CHECK_SAYS("'" argument "'");                                                              \
    } while (0)

static void take(void* user, rim_transaction* transaction) {
    *(rim_transaction**)user = transaction;
}

static void completed(void* user, rim_status status, const char* error) {
    (void)user;
    (void)status;
    (void)error;
}

static void no_finalizer_runs(void* user) {
    (void)user;
    CHECK(!"a finalizer ran for what was refused");
}

static void freeing_nothing(void) {
    rim_master_free(NULL);
    rim_slave_free(NULL);
    rim_transaction_free(NULL);
    rim_hub_free(NULL);
    rim_emulate_free(NULL);
    rim_tcp_server_free(NULL);
    rim_tcp_client_free(NULL);
}

static void null_masters_and_slaves(void) {
    uint8_t data[4];
    uint32_t id = 77;
    uint64_t address;
    bool flag;
    rim_status status;
    size_t length;
    rim_transaction* taken = NULL;
    rim_master* master;
    rim_slave* slave;

    CHECK_NULL(rim_master_new(NULL), "master");
    CHECK_OK(rim_master_new(&master));
    CHECK_NULL(rim_slave_new(4, 0, take, &taken, no_finalizer_runs, NULL), "slave");
    CHECK_NULL(rim_slave_new(4, 0, NULL, &taken, no_finalizer_runs, &slave), "do_transaction");
    CHECK_STATUS(rim_slave_new(8, 4, take, &taken, no_finalizer_runs, &slave),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("maximum access of 4 bytes is below the minimum of 8");
    CHECK_OK(rim_slave_new(4, 0, take, &taken, NULL, &slave));

    CHECK_NULL(rim_master_set_slave(NULL, slave), "master");
    CHECK_NULL(rim_master_set_slave(master, NULL), "slave");
    CHECK_NULL(rim_master_request(NULL, 0, data, 4, RIM_READ, &id), "master");
    CHECK_NULL(rim_master_request(master, 0, data, 4, RIM_READ, NULL), "id");
    CHECK_STATUS(rim_master_request(master, 0, NULL, 4, RIM_READ, &id), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_master_request(master, 0, data, 0, RIM_READ, &id), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_master_request(master, 0, NULL, 0, RIM_READ, &id), RIM_STATUS_SIZE);
    CHECK(id == 77);
    CHECK_NULL(rim_master_wait(NULL, 0), "master");
    CHECK_OK(rim_master_wait(master, 12345));
    CHECK_NULL(rim_master_is_done(NULL, 1, &flag), "master");
    CHECK_NULL(rim_master_is_done(master, 1, NULL), "done");
    CHECK_NULL(rim_master_error(NULL, &status, NULL, 0, &length), "master");
    CHECK_NULL(rim_master_error(master, NULL, NULL, 0, &length), "status");
    CHECK_NULL(rim_master_error(master, &status, NULL, 1, &length), "text");
    CHECK_NULL(rim_master_clear_error(NULL), "master");
    CHECK_NULL(rim_master_set_timeout_us(NULL, 1), "master");
    CHECK_NULL(rim_master_slave_id(NULL, &id), "master");
    CHECK_NULL(rim_master_slave_id(master, NULL), "id");
    CHECK_NULL(rim_master_slave_name(NULL, NULL, 0, &length), "master");
    CHECK_NULL(rim_master_min_access(NULL, &id), "master");
    CHECK_NULL(rim_master_min_access(master, NULL), "min_access");
    CHECK_NULL(rim_master_max_access(NULL, &id), "master");
    CHECK_NULL(rim_master_max_access(master, NULL), "max_access");
    CHECK_NULL(rim_master_address(NULL, &address), "master");
    CHECK_NULL(rim_master_address(master, NULL), "address");

    CHECK_NULL(rim_slave_id(NULL, &id), "slave");
    CHECK_NULL(rim_slave_id(slave, NULL), "id");
    CHECK_NULL(rim_slave_name(NULL, NULL, 0, &length), "slave");
    CHECK_NULL(rim_slave_name(slave, NULL, 5, &length), "text");
    CHECK_NULL(rim_slave_set_name(NULL, "x"), "slave");
    CHECK_NULL(rim_slave_set_name(slave, NULL), "name");
    CHECK_NULL(rim_slave_min_access(NULL, &id), "slave");
    CHECK_NULL(rim_slave_max_access(slave, NULL), "max_access");
    CHECK_NULL(rim_slave_address(slave, NULL), "address");
    CHECK_NULL(rim_slave_do_transaction(slave, NULL), "transaction");
    CHECK_NULL(rim_slave_do_transaction(NULL, NULL), "slave");

    rim_slave_free(slave);
    rim_master_free(master);
}

static void null_transactions(void) {
    uint8_t data[4];
    uint8_t* place;
    uint32_t id;
    size_t size;
    rim_transaction_info info;
    bool flag;
    rim_transaction *taken = NULL, *further;
    rim_master* master;
    rim_slave* slave;
    CHECK_OK(rim_master_new(&master));
    CHECK_OK(rim_slave_new(4, 0, take, &taken, NULL, &slave));
    CHECK_OK(rim_master_set_slave(master, slave));
    CHECK_OK(rim_master_request(master, 0, data, 4, RIM_READ, &id));

    CHECK_NULL(rim_transaction_retain(NULL, &further), "transaction");
    CHECK_NULL(rim_transaction_retain(taken, NULL), "retained");
    CHECK_NULL(rim_transaction_get_info(NULL, &info, sizeof info), "transaction");
    CHECK_NULL(rim_transaction_get_info(taken, NULL, sizeof info), "info");
    CHECK_STATUS(rim_transaction_get_info(taken, &info, 0), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("sizeof(rim_transaction_info)");
    CHECK_NULL(rim_transaction_expired(NULL, &flag), "transaction");
    CHECK_NULL(rim_transaction_expired(taken, NULL), "expired");
    CHECK_NULL(rim_transaction_lock(NULL, &place, &size), "transaction");
    CHECK_NULL(rim_transaction_lock(taken, NULL, &size), "data");
    CHECK_NULL(rim_transaction_lock(taken, &place, NULL), "size");
    CHECK_NULL(rim_transaction_unlock(NULL), "transaction");
    CHECK_NULL(rim_transaction_copy_in(NULL, 0, data, 4), "transaction");
    CHECK_NULL(rim_transaction_copy_in(taken, 0, NULL, 4), "source");
    CHECK_NULL(rim_transaction_copy_out(NULL, 0, data, 4), "transaction");
    CHECK_NULL(rim_transaction_copy_out(taken, 0, NULL, 4), "target");
    CHECK_NULL(rim_transaction_done(NULL), "transaction");
    CHECK_NULL(rim_transaction_fail(NULL, "x"), "transaction");
    CHECK_NULL(rim_transaction_fail(taken, NULL), "text");
    CHECK_NULL(rim_transaction_piece(NULL, 0, 0, 4, &further), "transaction");
    CHECK_NULL(rim_transaction_piece(taken, 0, 0, 4, NULL), "piece");
    CHECK_NULL(rim_transaction_seal(NULL), "transaction");
    CHECK_NULL(rim_transaction_refresh(NULL, NULL), "transaction");
    CHECK_OK(rim_transaction_refresh(taken, NULL));

    /* None of that has touched it. */
    CHECK_OK(rim_transaction_done(taken));
    rim_transaction_free(taken);
    CHECK_OK(rim_master_wait(master, 0));
    rim_slave_free(slave);
    rim_master_free(master);
}

static void null_hubs_memories_and_bits(void) {
    uint8_t data[4] = {0};
    uint64_t address;
    bool flag;
    rim_hub* hub;
    rim_emulate* emulate;
    rim_slave* slave;
    CHECK_NULL(rim_hub_new(0, 0, 0, NULL), "hub");
    CHECK_STATUS(rim_hub_new(0, 8, 4, &hub), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_hub_new(0, 4, 0, &hub), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_hub_new(0, 0, 4, &hub), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("not 0 and 4 bytes");
    CHECK_OK(rim_hub_new(0, 0, 0, &hub));
    CHECK_NULL(rim_hub_as_slave(NULL, &slave), "hub");
    CHECK_NULL(rim_hub_as_slave(hub, NULL), "slave");
    CHECK_NULL(rim_hub_set_slave(hub, NULL), "slave");
    CHECK_NULL(rim_hub_set_slave(NULL, NULL), "hub");
    CHECK_NULL(rim_hub_offset(NULL, &address), "hub");
    CHECK_NULL(rim_hub_offset(hub, NULL), "offset");
    CHECK_NULL(rim_hub_address(NULL, &address), "hub");
    CHECK_NULL(rim_hub_address(hub, NULL), "address");
    rim_hub_free(hub);
    CHECK_NULL(rim_emulate_new(4, 0, NULL), "emulate");
    CHECK_STATUS(rim_emulate_new(8, 4, &emulate), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_NULL(rim_emulate_as_slave(NULL, &slave), "emulate");
    CHECK_NULL(rim_copy_bits(NULL, 4, 0, data, 4, 0, 8), "target");
    CHECK_NULL(rim_copy_bits(data, 4, 0, NULL, 4, 0, 8), "source");
    CHECK_STATUS(rim_copy_bits(data, 4, 0, NULL, 0, 0, 8), RIM_STATUS_SIZE);
    CHECK_NULL(rim_set_bits(NULL, 4, 0, 8), "target");
    CHECK_NULL(rim_any_bits(NULL, 4, 0, 8, &flag), "source");
    CHECK_NULL(rim_any_bits(data, 4, 0, 8, NULL), "any");
    CHECK_STATUS(rim_set_bits(data, SIZE_MAX, 0, 8), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_set_bits(data, 4, 0xffffffff, 0xffffffff), RIM_STATUS_SIZE);
}

static void null_endpoints(void) {
    uint8_t data[4];
    uint16_t port;
    rim_transaction* transaction;
    rim_tcp_server* server = NULL;
    rim_tcp_client* client = NULL;
    rim_slave* slave;
    CHECK_NULL(rim_tcp_server_new(NULL, 0, NULL, &server), "address");
    CHECK_NULL(rim_tcp_server_new("127.0.0.1", 0, NULL, NULL), "server");
    CHECK_NULL(rim_tcp_server_stop(NULL), "server");
    CHECK_NULL(rim_tcp_server_port(NULL, &port), "server");
    CHECK_NULL(rim_tcp_server_set_slave(NULL, NULL), "server");
    CHECK_NULL(rim_tcp_server_set_timeout_us(NULL, 1), "server");
    CHECK_NULL(rim_tcp_server_next(NULL, 0, &transaction), "server");
    CHECK_NULL(rim_tcp_server_options_init(NULL, sizeof(rim_tcp_server_options)), "options");
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_NULL(rim_tcp_server_port(server, NULL), "port");
    CHECK_NULL(rim_tcp_server_set_slave(server, NULL), "slave");
    CHECK_NULL(rim_tcp_server_next(server, 0, NULL), "transaction");
    CHECK_OK(rim_tcp_server_port(server, &port));

    CHECK_NULL(rim_tcp_client_new(NULL, 8000, NULL, &client), "address");
    CHECK_NULL(rim_tcp_client_new("127.0.0.1", port, NULL, NULL), "client");
    CHECK_NULL(rim_tcp_client_options_init(NULL, sizeof(rim_tcp_client_options)), "options");
    CHECK_NULL(rim_tcp_client_stop(NULL), "client");
    CHECK_NULL(rim_tcp_client_as_slave(NULL, &slave), "client");
    CHECK_NULL(rim_tcp_client_wait_ready(NULL, 0, 0), "client");
    CHECK_NULL(rim_tcp_client_read(NULL, 0, data, 4, 0), "client");
    CHECK_NULL(rim_tcp_client_write(NULL, 0, data, 4, 0), "client");
    CHECK_NULL(rim_tcp_client_post(NULL, 0, data, 4, 0), "client");
    CHECK_NULL(rim_tcp_client_verify(NULL, 0, data, 4, 0), "client");
    CHECK_NULL(rim_tcp_client_request(NULL, 0, data, 4, RIM_READ, 0, completed, NULL, NULL),
               "client");
    CHECK_OK(rim_tcp_client_new("127.0.0.1", port, NULL, &client));
    CHECK_NULL(rim_tcp_client_as_slave(client, NULL), "slave");
    CHECK_STATUS(rim_tcp_client_read(client, 0, NULL, 4, 0), RIM_STATUS_NULL_ARGUMENT);
    CHECK_STATUS(rim_tcp_client_read(client, 0, data, 0, 0), RIM_STATUS_SIZE);
    CHECK_STATUS(rim_tcp_client_write(client, 0, NULL, 4, 0), RIM_STATUS_NULL_ARGUMENT);
    CHECK_NULL(
        rim_tcp_client_request(client, 0, data, 4, RIM_READ, 0, NULL, data, no_finalizer_runs),
        "callback");
    rim_tcp_client_free(client);
    rim_tcp_server_free(server);
}

/* Whether the last error names this port. */
static bool says_port(unsigned port) {
    char part[16];
    snprintf(part, sizeof part, "port %u ", port);
    return strstr(rim_last_error(), part) != NULL;
}

static void addresses_and_ports(void) {
    rim_tcp_server *server, *none = NULL;
    rim_tcp_client* client = NULL;
    uint16_t port;
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", 65535, NULL, &none), RIM_STATUS_BAD_PORT);
    CHECK_SAYS("65535");
    CHECK_STATUS(rim_tcp_client_new("127.0.0.1", 65535, NULL, &client), RIM_STATUS_BAD_PORT);
    CHECK_STATUS(rim_tcp_client_new("127.0.0.1", 0, NULL, &client), RIM_STATUS_BAD_PORT);
    CHECK_STATUS(rim_tcp_server_new("", 0, NULL, &none), RIM_STATUS_BAD_ADDRESS);
    CHECK_STATUS(rim_tcp_server_new("999.1.2.3", 0, NULL, &none), RIM_STATUS_BAD_ADDRESS);
    CHECK_SAYS("999.1.2.3");
    CHECK_STATUS(rim_tcp_client_new("", 8000, NULL, &client), RIM_STATUS_BAD_ADDRESS);
    CHECK_STATUS(rim_tcp_server_new("127.0.0.\xff", 0, NULL, &none), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("not UTF-8");
    CHECK_STATUS(rim_tcp_client_new("\xc3", 8000, NULL, &client), RIM_STATUS_INVALID_ARGUMENT);

    /* In use: both ports, and the second one alone. */
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, NULL, &server));
    CHECK_OK(rim_tcp_server_port(server, &port));
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", port, NULL, &none), RIM_STATUS_BIND);
    CHECK(says_port(port) || says_port(port + 1u));
    CHECK_SAYS("127.0.0.1");
    CHECK_SAYS("another process");
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", (uint16_t)(port - 1), NULL, &none),
                 RIM_STATUS_BIND);
    CHECK(says_port(port));
    /* What was stopped leaves its ports free. */
    CHECK_OK(rim_tcp_server_stop(server));
    CHECK_OK(rim_tcp_server_new("127.0.0.1", port, NULL, &none));
    rim_tcp_server_free(server);
    rim_tcp_server_free(none);
    CHECK(client == NULL);
}

/* Options as a program has them that is older or newer than the library. */
static void options(void) {
    struct {
        rim_tcp_server_options known;
        uint64_t unknown;
    } newer;
    struct {
        size_t struct_size;
        unsigned char after[8];
    } older;
    rim_tcp_server_options wrong;
    rim_tcp_client_options client_options;
    rim_tcp_server* server = NULL;
    rim_tcp_client* client = NULL;

    memset(&newer, 0xff, sizeof newer);
    CHECK_OK(rim_tcp_server_options_init(&newer.known, sizeof newer));
    CHECK(newer.known.struct_size == sizeof newer && newer.unknown == 0);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, &newer.known, &server));
    rim_tcp_server_free(server);
    server = NULL;
    newer.unknown = 1;
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", 0, &newer.known, &server),
                 RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("does not know");

    memset(&older, 0x5a, sizeof older);
    CHECK_OK(rim_tcp_server_options_init((rim_tcp_server_options*)(void*)&older, sizeof(size_t)));
    CHECK(older.struct_size == sizeof(size_t) && older.after[0] == 0x5a);
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, (rim_tcp_server_options*)(void*)&older, &server));
    rim_tcp_server_free(server);
    server = NULL;

    /* All zeros but the size are the defaults; a size of 0, or of garbage, is none. */
    memset(&wrong, 0, sizeof wrong);
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", 0, &wrong, &server), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_SAYS("rim_tcp_server_options_init");
    wrong.struct_size = (size_t)-1;
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", 0, &wrong, &server), RIM_STATUS_INVALID_ARGUMENT);
    CHECK_STATUS(rim_tcp_server_options_init(&wrong, 0), RIM_STATUS_INVALID_ARGUMENT);
    wrong.struct_size = sizeof wrong;
    wrong.min_access = 8;
    wrong.max_access = 4;
    CHECK_STATUS(rim_tcp_server_new("127.0.0.1", 0, &wrong, &server), RIM_STATUS_INVALID_ARGUMENT);
    CHECK(server == NULL);
    wrong.max_access = 8;
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, &wrong, &server));
    rim_tcp_server_free(server);

    CHECK_OK(rim_tcp_client_options_init(&client_options, sizeof client_options));
    CHECK(client_options.connect_timeout_us == 5000000);
    /* The largest values there are. */
    client_options.max_outstanding = SIZE_MAX;
    client_options.max_queued = SIZE_MAX;
    client_options.connect_timeout_us = UINT64_MAX;
    client_options.keep_alive_us = UINT64_MAX;
    CHECK_OK(rim_tcp_client_new("127.0.0.1", 1, &client_options, &client));
    rim_tcp_client_free(client);
    memset(&wrong, 0xff, sizeof wrong);
    wrong.struct_size = sizeof wrong;
    wrong.drop_after_close = 1; /* it is 0 or 1 */
    CHECK_OK(rim_tcp_server_new("127.0.0.1", 0, &wrong, &server));
    rim_tcp_server_free(server);
}

static void what_needs_nothing(void) {
    int major, minor, patch;
    CHECK(sscanf(rim_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
    CHECK(strcmp(rim_status_name(RIM_STATUS_OK), "RIM_STATUS_OK") == 0);
    CHECK(strcmp(rim_status_name(RIM_STATUS_INTERNAL), "RIM_STATUS_INTERNAL") == 0);
    CHECK(strcmp(rim_status_name(-1), "unknown status") == 0);
    CHECK(strcmp(rim_status_name(10000), "unknown status") == 0);
}

int main(void) {
    check_begin();
    CHECK(rim_last_error()[0] == 0);
    freeing_nothing();
    CHECK(rim_last_error()[0] == 0);
    null_masters_and_slaves();
    null_transactions();
    null_hubs_memories_and_bits();
    null_endpoints();
    addresses_and_ports();
    options();
    what_needs_nothing();
    return 0;
}
