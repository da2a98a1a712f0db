/*
 * A server on the bridge's C interface for the interoperation tests: emulated memory, with faults
 * to order, carried out by a slave of its own or polled. What a client must see of it is in the
 * scripts.
 *
 * It prints `ready PORT` when it listens, ends on SIGTERM, on SIGINT and when its standard input
 * ends, and then prints `failed_posts=N`, `stop_ms=N`, the time that stopping took, and what each
 * client had carried out (our_server_ledger.h). Exit status: 0; 1 when a call of the library
 * failed; 2 for a wrong command line; 3 when it cannot listen.
 */
#define _POSIX_C_SOURCE 200809L

#include "our.h"
#include "our_server_ledger.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rogue/rim.h>

#define RULES_MOST 32
#define HELD_MOST 4096

static const char usage_text[] =
    "usage: our_server ADDR PORT [OPTION...]         PORT 0 takes any free pair\n"
    "  --memory-min N (1)             the smallest access\n"
    "  --max-transaction N            the largest, as a limit of the server's\n"
    "  --error-at ADDR:TEXT           what touches ADDR fails with TEXT\n"
    "  --write-error-at ADDR:TEXT     the same for writes and Posts alone\n"
    "  --long-error-at ADDR:LENGTH    fails with `long error ` again and again, LENGTH bytes\n"
    "  --gate FILE                    carry out nothing, but take it, until FILE exists\n"
    "  --values FILE                  adds a line for each 8 bytes that are written\n"
    "  --turns FILE                   adds a line for each transaction: its client's region\n"
    "  --max-outstanding N  --max-connections N  --max-queued N  --keep-alive-ms N\n"
    "  --poll                         pull transactions, instead of being called with them\n"
    "  --log-level N                  log lines go to standard output\n"
    "  --ignore-stdin\n";

/* A transaction that touches `address` fails with `text`. */
struct rule {
    uint64_t address;
    char* text;
    bool writes_alone;
};

static struct {
    const char* host;
    uint16_t port;
    uint32_t memory_min;
    uint64_t max_transaction, max_outstanding, max_connections, max_queued, keep_alive_ms;
    const char* gate;
    struct rule rules[RULES_MOST];
    unsigned rule_count;
    bool poll, ignore_stdin;
} option = {.memory_min = 1};

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void usage(const char* what, const char* wrong) {
    fprintf(stderr, "our_server: %s: %.100s\n%s", what, wrong, usage_text);
    exit(2);
}

static uint64_t number(const char* text, uint64_t most) {
    uint64_t value = 0;
    if (!our_parse(text, most, &value)) usage("no number, or too large", text);
    return value;
}

/* Ends the program when a call of the library has failed that cannot fail in these tests. */
static void demand(rim_status status, const char* call) {
    if (status == RIM_STATUS_OK) return;
    fprintf(stderr, "our_server: %s: %s: %s\n", call, rim_status_name(status), rim_last_error());
    exit(1);
}

static void add_rule(const char* kind, char* text) {
    char* colon = strchr(text, ':');
    if (colon == NULL || colon[1] == '\0') usage("a rule is ADDR:VALUE", text);
    if (option.rule_count == RULES_MOST) usage("too many rules", text);
    *colon = '\0';
    struct rule* rule = &option.rules[option.rule_count++];
    rule->address = number(text, UINT64_MAX);
    rule->text = colon + 1;
    rule->writes_alone = strcmp(kind, "--write-error-at") == 0;
    if (strcmp(kind, "--long-error-at") != 0) return;
    size_t length = (size_t)number(colon + 1, 1 << 20);
    rule->text = calloc(length + 1, 1);
    if (rule->text == NULL) usage("no memory for an error of this length", colon + 1);
    for (size_t i = 0; i < length; i++)
        rule->text[i] = "long error "[i % 11];
}

static void parse(int argc, char** argv) {
    if (argc < 3) usage("ADDR and PORT are needed", "");
    option.host = argv[1];
    option.port = (uint16_t)number(argv[2], UINT16_MAX);
    for (int i = 3; i < argc; i++) {
        const char* name = argv[i];
        if (strcmp(name, "--poll") == 0) {
            option.poll = true;
            continue;
        }
        if (strcmp(name, "--ignore-stdin") == 0) {
            option.ignore_stdin = true;
            continue;
        }
        if (++i == argc) usage("unknown, or lacks its value", name);
        if (strcmp(name, "--memory-min") == 0)
            option.memory_min = (uint32_t)number(argv[i], UINT32_MAX);
        else if (strcmp(name, "--max-transaction") == 0)
            option.max_transaction = number(argv[i], UINT32_MAX);
        else if (strcmp(name, "--max-outstanding") == 0)
            option.max_outstanding = number(argv[i], UINT32_MAX);
        else if (strcmp(name, "--max-connections") == 0)
            option.max_connections = number(argv[i], UINT32_MAX);
        else if (strcmp(name, "--max-queued") == 0)
            option.max_queued = number(argv[i], UINT32_MAX);
        else if (strcmp(name, "--keep-alive-ms") == 0)
            option.keep_alive_ms = number(argv[i], 3600000);
        else if (strcmp(name, "--gate") == 0)
            option.gate = argv[i];
        else if (strcmp(name, "--values") == 0 && !ledger_keep_values(argv[i]))
            usage("cannot be written to", argv[i]);
        else if (strcmp(name, "--turns") == 0 && !ledger_keep_turns(argv[i]))
            usage("cannot be written to", argv[i]);
        else if (strcmp(name, "--values") == 0 || strcmp(name, "--turns") == 0)
            continue;
        else if (strcmp(name, "--log-level") == 0)
            demand(rim_log_set_level((uint32_t)number(argv[i], UINT32_MAX)), "rim_log_set_level");
        else if (strcmp(name, "--error-at") == 0 || strcmp(name, "--write-error-at") == 0 ||
                 strcmp(name, "--long-error-at") == 0)
            add_rule(name, argv[i]);
        else
            usage("unknown option", name);
    }
}

static const struct rule* broken_rule(uint64_t address, size_t size, uint32_t type) {
    for (unsigned i = 0; i < option.rule_count; i++) {
        const struct rule* rule = &option.rules[i];
        if (rule->writes_alone && type != RIM_WRITE && type != RIM_POST) continue;
        if (rule->address - address < size) return rule;
    }
    return NULL;
}

/* What came while the gate was shut. The mutex guards all three. */
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static rim_transaction* held[HELD_MOST];
static unsigned held_count;
static bool gate_open;

/* True when the transaction has been put away until the gate opens. */
static bool hold(rim_transaction* transaction) {
    pthread_mutex_lock(&gate_mutex);
    bool keep = option.gate != NULL && !gate_open;
    if (keep && held_count == HELD_MOST) {
        fprintf(stderr, "our_server: more than %d transactions at the gate\n", HELD_MOST);
        exit(1);
    }
    if (keep) held[held_count++] = transaction;
    pthread_mutex_unlock(&gate_mutex);
    return keep;
}

/* Fails a transaction as ordered, or passes it on to the memory. */
static void complete(rim_slave* memory, rim_transaction* transaction) {
    rim_transaction_info info;
    demand(rim_transaction_get_info(transaction, &info, sizeof info), "rim_transaction_get_info");
    const struct rule* rule = broken_rule(info.address, info.size, info.type);
    if (rule != NULL)
        demand(rim_transaction_fail(transaction, rule->text), "rim_transaction_fail");
    else
        demand(rim_slave_do_transaction(memory, transaction), "rim_slave_do_transaction");
    rim_transaction_free(transaction);
}

/* The slave; `user` is the memory behind it. */
static void carry_out(void* user, rim_transaction* transaction) {
    if (!ledger_note(transaction)) {
        fprintf(stderr, "our_server: a transaction could not be noted: %s\n", strerror(errno));
        exit(1);
    }
    if (!hold(transaction)) complete(user, transaction);
}

/* Carries out what waits at the gate, once that is open. */
static void look_at_gate(rim_slave* memory) {
    if (option.gate == NULL || gate_open || access(option.gate, F_OK) != 0) return;
    pthread_mutex_lock(&gate_mutex);
    gate_open = true;
    unsigned count = held_count;
    held_count = 0;
    pthread_mutex_unlock(&gate_mutex);
    for (unsigned i = 0; i < count; i++)
        complete(memory, held[i]);
}

/* True when it is time to end. A runner that dies closes our standard input, and so takes us along.
 */
static bool ending(int wait_ms) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char waste[256];
    int ready = poll(&input, option.ignore_stdin ? 0 : 1, stopped ? 0 : wait_ms);
    if (ready > 0 && read(STDIN_FILENO, waste, sizeof waste) == 0) stopped = 1;
    return stopped != 0;
}

static void poll_server(rim_tcp_server* server, rim_slave* memory) {
    while (!ending(0)) {
        look_at_gate(memory);
        rim_transaction* transaction = NULL;
        rim_status status = rim_tcp_server_next(server, 50000, &transaction);
        if (status == RIM_STATUS_TIMEOUT) continue;
        demand(status, "rim_tcp_server_next");
        carry_out(memory, transaction);
    }
}

static void serve(rim_tcp_server* server, rim_slave* memory) {
    rim_slave* slave = NULL;
    demand(rim_slave_new(option.memory_min, 0, carry_out, memory, NULL, &slave), "rim_slave_new");
    demand(rim_tcp_server_set_slave(server, slave), "rim_tcp_server_set_slave");
    rim_slave_free(slave);
    while (!ending(50))
        look_at_gate(memory);
}

int main(int argc, char** argv) {
    struct sigaction action = {.sa_handler = on_signal};
    rim_tcp_server_options limits;
    rim_tcp_server* server = NULL;
    rim_emulate* emulate = NULL;
    rim_slave* memory = NULL;
    rim_tcp_server_stats stats;
    uint16_t port = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    parse(argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    demand(rim_emulate_new(option.memory_min, 0, &emulate), "rim_emulate_new");
    demand(rim_emulate_as_slave(emulate, &memory), "rim_emulate_as_slave");
    demand(rim_tcp_server_options_init(&limits, sizeof limits), "rim_tcp_server_options_init");
    limits.max_transaction = (size_t)option.max_transaction;
    limits.max_outstanding = (size_t)option.max_outstanding;
    limits.max_connections = (size_t)option.max_connections;
    limits.max_queued = (size_t)option.max_queued;
    limits.keep_alive_us = option.keep_alive_ms * 1000;
    limits.min_access = option.memory_min;
    rim_status status = rim_tcp_server_new(option.host, option.port, &limits, &server);
    if (status != RIM_STATUS_OK) {
        fprintf(stderr, "our_server: %s: %s\n", rim_status_name(status), rim_last_error());
        return 3;
    }
    demand(rim_tcp_server_port(server, &port), "rim_tcp_server_port");
    printf("ready %u\n", (unsigned)port);
    if (option.poll)
        poll_server(server, memory);
    else
        serve(server, memory);
    uint64_t begun = our_now_ms();
    demand(rim_tcp_server_stop(server), "rim_tcp_server_stop");
    printf("stop_ms=%" PRIu64 "\n", our_now_ms() - begun);
    demand(rim_tcp_server_get_stats(server, &stats, sizeof stats), "rim_tcp_server_get_stats");
    printf("failed_posts=%" PRIu64 "\n", stats.failed_posts);
    for (unsigned i = 0; i < held_count; i++)
        rim_transaction_free(held[i]);
    if (!ledger_close()) return 1;
    rim_tcp_server_free(server);
    rim_slave_free(memory);
    rim_emulate_free(emulate);
    return 0;
}
