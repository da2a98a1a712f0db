/*
 * A client on the bridge's C interface for the interoperation tests: it does what its command line
 * says and holds every outcome and every value against what it must be. What a server has to be
 * like for that is in the scripts.
 *
 * Ends with 0 when every check held; 1 and a line that names what differed; 2: wrong command line;
 * 3: no client.
 */
#define _POSIX_C_SOURCE 200809L

#include "our.h"
#include "our_client_flights.h"
#include "our_transact.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <rogue/rim.h>

static const char usage_text[] =
    "usage: our_client ADDR PORT COMMAND...     options hold for the commands after them\n"
    "  probe MS                         until it is answered\n"
    "  no-probe MS                      no probe may be answered for so long\n"
    "  write ADDR HEX                   read ADDR HEX     verify ADDR HEX\n"
    "  post ADDR HEX                    and read it back\n"
    "  block ADDR SIZE SEED             write a pattern, read, verify, compare\n"
    "  sweep ADDR MAXSIZE SEED          blocks around each power of two\n"
    "  expect-error ADDR SIZE TEXT      a read that must fail with exactly TEXT from the slave\n"
    "  expect-write-error ADDR HEX TEXT the same for a write\n"
    "  expect-status ADDR SIZE NAME TEXT  a read that must end with a status, TEXT in its text\n"
    "  expect-write-status ADDR HEX NAME TEXT  the same for a write\n"
    "  outstanding ADDR COUNT           COUNT writes and COUNT reads at once; prints under-way=N\n"
    "  ask ADDR SIZE COUNT              reads that nobody waits for\n"
    "  collect                          all that were asked for, which must have succeeded\n"
    "  load ADDR SECONDS                write, read, compare, through losses of the server; "
    "prints\n"
    "                                   done=N lost=N in-a-row=N wrong=0\n"
    "  say TEXT                         await FILE, until it exists\n"
    "  freeze                           stop this process by SIGSTOP\n"
    "  --keep-alive-ms N                also connects anew\n"
    "  --close-on-timeout 0|1\n"
    "  --timeout-ms N (2000)\n"
    "  --by call|bus                    by the client's own calls, or through a master\n";

static uint64_t number(struct client* client, const char* text, uint64_t most) {
    uint64_t value = 0;
    if (!our_parse(text, most, &value) && !client->usage) {
        client->usage = true;
        failed(client, "%.100s is no number up to %" PRIu64, text, most);
    }
    return value;
}

static uint8_t* hex(struct client* client, const char* text, uint32_t* size) {
    uint8_t* bytes = our_parse_hex(text, size);
    if (bytes == NULL) {
        client->usage = true;
        failed(client, "%.100s is no row of pairs of hex digits", text);
    }
    return bytes;
}

static bool probe(struct client* client, char** arg, bool answered) {
    uint64_t timeout = number(client, arg[0], 3600000);
    if (client->usage) return false;
    rim_status status = rim_tcp_client_wait_ready(client->tcp, timeout * 1000, 50000);
    rim_status due = answered ? RIM_STATUS_OK : RIM_STATUS_TIMEOUT;
    return status == due ||
           failed(client, "%s, where %s was due", rim_status_name(status), rim_status_name(due));
}

static bool do_probe(struct client* client, char** arg) { return probe(client, arg, true); }
static bool do_no_probe(struct client* client, char** arg) { return probe(client, arg, false); }

static bool move(struct client* client, char** arg, uint32_t type) {
    uint64_t address = number(client, arg[0], UINT64_MAX);
    uint32_t size = 0;
    uint8_t* bytes = hex(client, arg[1], &size);
    bool held = bytes != NULL && !client->usage;
    if (held && (type == RIM_WRITE || type == RIM_POST))
        held = demand(client, type, address, bytes, size);
    if (held && type != RIM_WRITE)
        held = read_back(client, type == RIM_VERIFY ? type : RIM_READ, address, bytes, size);
    free(bytes);
    return held;
}

static bool do_write(struct client* client, char** arg) { return move(client, arg, RIM_WRITE); }
static bool do_read(struct client* client, char** arg) { return move(client, arg, RIM_READ); }
static bool do_verify(struct client* client, char** arg) { return move(client, arg, RIM_VERIFY); }
static bool do_post(struct client* client, char** arg) { return move(client, arg, RIM_POST); }

static bool do_block(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX);
    uint64_t size = number(client, arg[1], 1u << 30), seed = number(client, arg[2], UINT64_MAX);
    return !client->usage && block(client, address, (uint32_t)size, seed);
}

static bool do_sweep(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX), last = 0;
    uint64_t most = number(client, arg[1], 1u << 30), seed = number(client, arg[2], UINT64_MAX);
    for (uint64_t power = 1; !client->usage && power <= most; power *= 2) {
        for (uint64_t size = power - 1; size <= power + 1 && size <= most; size++) {
            if (size <= last) continue;
            if (!block(client, address, (uint32_t)size, seed + size)) return false;
            last = size;
        }
    }
    if (!client->usage && last < most) return block(client, address, (uint32_t)most, seed + most);
    return !client->usage;
}

static bool must_fail(struct client* client, rim_status status, const char* name, const char* text,
                      bool exactly) {
    bool fits = exactly ? strcmp(client->error, text) == 0 : strstr(client->error, text) != NULL;
    return (fits && strcmp(rim_status_name(status), name) == 0) ||
           failed(client, "%s: \"%s\", where %s was due with %s \"%.1000s\"",
                  rim_status_name(status), client->error, name, exactly ? "exactly" : "at least",
                  text);
}

static bool failing_read(struct client* client, char** arg, const char* name, const char* text) {
    uint64_t address = number(client, arg[0], UINT64_MAX), size = number(client, arg[1], 1u << 30);
    uint8_t* bytes = client->usage ? NULL : malloc(size > 0 ? size : 1);
    if (bytes == NULL) return client->usage ? false : failed(client, "no memory");
    rim_status status = transact(client, RIM_READ, address, bytes, (uint32_t)size);
    free(bytes);
    return must_fail(client, status, name, text, text == arg[2]);
}

static bool do_expect_error(struct client* client, char** arg) {
    return failing_read(client, arg, "RIM_STATUS_FAILED", arg[2]);
}

static bool do_expect_status(struct client* client, char** arg) {
    return failing_read(client, arg, arg[2], arg[3]);
}

static bool do_expect_write_error(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX);
    uint32_t size = 0;
    uint8_t* bytes = hex(client, arg[1], &size);
    if (client->usage) return false;
    rim_status status = transact(client, RIM_WRITE, address, bytes, size);
    free(bytes);
    return must_fail(client, status, "RIM_STATUS_FAILED", arg[2], true);
}

struct tally {
    uint64_t done, lost, in_a_row, wrong;
    bool after_loss;
};

/* A transaction of the load; a loss of the link is counted, and only that is none of ours. */
static bool load_one(struct client* client, struct tally* tally, uint32_t type, uint64_t address,
                     uint8_t* data, uint32_t size) {
    rim_status status = transact(client, type, address, data, size);
    bool loss = status == RIM_STATUS_CONNECTION_LOST || status == RIM_STATUS_REFUSED ||
                status == RIM_STATUS_TIMEOUT;
    tally->done += status == RIM_STATUS_OK;
    tally->lost += loss;
    tally->in_a_row += loss && tally->after_loss;
    tally->after_loss = loss;
    if (status == RIM_STATUS_OK) return true;
    fprintf(stderr, "our_client: load: %s at 0x%" PRIx64 ": %s: %s\n", type_name(type), address,
            rim_status_name(status), client->error);
    tally->wrong += !loss;
    return false;
}

/* One turn: a mark, a pattern, and what is read of the pattern. The mark tells memory that is
 * fresh, in a server started between the pattern and its reading, from memory that is wrong. */
static void load_round(struct client* client, struct tally* tally, uint64_t address,
                       uint64_t round) {
    /* After a loss another place: a write given up may still arrive. */
    uint64_t mark_at = address + 65536, place = address + tally->lost % 64 * 1024;
    uint32_t size = 4 * (uint32_t)(1 + round * 7 % 256);
    uint8_t pattern[1024], got[1024] = {0}, mark[4] = {1, 2, 3, 4}, fresh[4] = {0};
    our_pattern(pattern, size, round);
    if (!load_one(client, tally, RIM_WRITE, mark_at, mark, 4) ||
        !load_one(client, tally, RIM_WRITE, place, pattern, size) ||
        !load_one(client, tally, RIM_READ, place, got, size) ||
        same(client, "Read under load", place, got, pattern, size))
        return;
    tally->done--;
    if (!load_one(client, tally, RIM_READ, mark_at, mark, 4)) return;
    if (memcmp(mark, fresh, 4) == 0) {
        tally->lost++;
        return;
    }
    tally->wrong++;
    fprintf(stderr, "our_client: load: %s\n", client->why);
}

static bool do_load(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX), seconds = number(client, arg[1], 86400);
    uint64_t end = our_now_ms() + seconds * 1000;
    struct tally tally = {0, 0, 0, 0, false};
    if (client->usage) return false;
    for (uint64_t round = 1; our_now_ms() < end; round++)
        load_round(client, &tally, address, round);
    printf("done=%" PRIu64 " lost=%" PRIu64 " in-a-row=%" PRIu64 " wrong=%" PRIu64 "\n", tally.done,
           tally.lost, tally.in_a_row, tally.wrong);
    if (tally.wrong > 0) return failed(client, "%" PRIu64 " went wrong", tally.wrong);
    return tally.done > 0 || failed(client, "not one transaction succeeded");
}

static bool do_expect_write_status(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX);
    uint32_t size = 0;
    uint8_t* bytes = hex(client, arg[1], &size);
    if (client->usage) return false;
    rim_status status = transact(client, RIM_WRITE, address, bytes, size);
    free(bytes);
    return must_fail(client, status, arg[2], arg[3], false);
}

static bool do_outstanding(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX), count = number(client, arg[1], 1000000);
    return !client->usage && flights_outstanding(client, address, count);
}

static bool do_ask(struct client* client, char** arg) {
    uint64_t address = number(client, arg[0], UINT64_MAX), size = number(client, arg[1], 1u << 30);
    uint64_t count = number(client, arg[2], 1000000);
    return !client->usage && flights_ask(client, address, (uint32_t)size, count);
}

static bool do_collect(struct client* client, char** arg) {
    (void)arg;
    return flights_collect(client);
}

static bool do_say(struct client* client, char** arg) {
    (void)client;
    return puts(arg[0]) >= 0;
}

static bool do_await(struct client* client, char** arg) {
    for (int i = 0; i < 3000; i++) {
        FILE* file = fopen(arg[0], "r");
        if (file != NULL) return fclose(file) == 0;
        our_sleep_ms(10);
    }
    return failed(client, "it did not come within 30 s");
}

static bool do_freeze(struct client* client, char** arg) {
    (void)arg;
    return raise(SIGSTOP) == 0 || failed(client, "not stopped");
}

static bool open_client(struct client* client, uint64_t keep_alive_ms) {
    rim_tcp_client_options options;
    rim_slave* slave = NULL;
    rim_tcp_client_free(client->tcp);
    client->tcp = NULL;
    bool there =
        rim_tcp_client_options_init(&options, sizeof options) == RIM_STATUS_OK &&
        (options.keep_alive_us = keep_alive_ms * 1000,
         rim_tcp_client_new(client->host, client->port, &options, &client->tcp) == RIM_STATUS_OK) &&
        rim_tcp_client_as_slave(client->tcp, &slave) == RIM_STATUS_OK &&
        rim_master_set_slave(client->master, slave) == RIM_STATUS_OK;
    rim_slave_free(slave);
    return there || failed(client, "no client: %s", rim_last_error());
}

static bool set_keep_alive(struct client* client, char** arg) {
    uint64_t milliseconds = number(client, arg[0], 3600000);
    return !client->usage && open_client(client, milliseconds);
}

static bool set_close_on_timeout(struct client* client, char** arg) {
    rim_tcp_client_options options;
    uint64_t on = number(client, arg[0], 1);
    if (client->usage ||
        rim_tcp_client_get_options(client->tcp, &options, sizeof options) != RIM_STATUS_OK)
        return false;
    options.close_on_timeout = on;
    return rim_tcp_client_set_options(client->tcp, &options) == RIM_STATUS_OK;
}

static bool set_timeout(struct client* client, char** arg) {
    client->timeout_us = number(client, arg[0], 3600000) * 1000;
    return !client->usage &&
           rim_master_set_timeout_us(client->master, client->timeout_us) == RIM_STATUS_OK;
}

static bool set_by(struct client* client, char** arg) {
    client->bus = strcmp(arg[0], "bus") == 0;
    client->usage = !client->bus && strcmp(arg[0], "call") != 0;
    return !client->usage || failed(client, "--by is call or bus");
}

static const struct command {
    const char* name;
    int arguments;
    bool (*run)(struct client* client, char** arg);
} commands[] = {
    {"probe", 1, do_probe},
    {"no-probe", 1, do_no_probe},
    {"write", 2, do_write},
    {"read", 2, do_read},
    {"verify", 2, do_verify},
    {"post", 2, do_post},
    {"block", 3, do_block},
    {"sweep", 3, do_sweep},
    {"expect-error", 3, do_expect_error},
    {"expect-write-error", 3, do_expect_write_error},
    {"expect-write-status", 4, do_expect_write_status},
    {"expect-status", 4, do_expect_status},
    {"outstanding", 2, do_outstanding},
    {"ask", 3, do_ask},
    {"collect", 0, do_collect},
    {"load", 2, do_load},
    {"say", 1, do_say},
    {"await", 1, do_await},
    {"freeze", 0, do_freeze},
    {"--keep-alive-ms", 1, set_keep_alive},
    {"--close-on-timeout", 1, set_close_on_timeout},
    {"--timeout-ms", 1, set_timeout},
    {"--by", 1, set_by},
};

static const struct command* find_command(const char* name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static bool run(struct client* client, int argc, char** argv) {
    for (int i = 3; i < argc; i++) {
        const struct command* command = find_command(argv[i]);
        if (command == NULL || argc - i <= command->arguments) {
            client->usage = true;
            failed(client, "unknown, or arguments are missing");
        }
        if (client->usage || !command->run(client, &argv[i + 1])) {
            fprintf(stderr, "our_client: %s: %s\n%s", argv[i], client->why,
                    client->usage ? usage_text : "");
            return false;
        }
        i += command->arguments;
    }
    return true;
}

int main(int argc, char** argv) {
    struct client client = {.timeout_us = 2000000};
    uint64_t port = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4 || !our_parse(argv[2], UINT16_MAX, &port)) {
        fputs(usage_text, stderr);
        return 2;
    }
    client.host = argv[1];
    client.port = (uint16_t)port;
    if (rim_master_new(&client.master) != RIM_STATUS_OK || !open_client(&client, 0) ||
        rim_master_set_timeout_us(client.master, client.timeout_us) != RIM_STATUS_OK) {
        fprintf(stderr, "our_client: %s: %s\n", client.why, rim_last_error());
        return 3;
    }
    bool held = run(&client, argc, argv);
    rim_master_free(client.master);
    rim_tcp_client_free(client.tcp);
    return held ? 0 : client.usage ? 2 : 1;
}
