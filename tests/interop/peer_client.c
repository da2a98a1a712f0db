/*
 * A memory client as it is in the field, on libzmq, that does what its command line says and holds
 * every answer against what it must be. For tests of a server; it is no part of the bridge. What
 * the commands do is in peer_link.c, peer_checks.c, peer_many.c, peer_values.c and peer_bad.c; here
 * they are told apart.
 *
 * Ends with 0 when every check held; 1 and a line that names what differed; 2: wrong command line;
 * 3: no socket.
 */
#define _POSIX_C_SOURCE 200809L

#include "peer_checks.h"
#include "peer_settings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "usage: peer_client ADDR PORT COMMAND...     options hold for the commands after them\n"
    "  probe TIMEOUT_MS                 until it is answered\n"
    "  write ADDR HEX                   read ADDR HEX     verify ADDR HEX\n"
    "  post ADDR HEX                    and read it back; whether it is answered: --post-answered\n"
    "  block ADDR SIZE SEED             write a pattern, read, verify, compare\n"
    "  sweep ADDR MAXSIZE SEED          blocks around each power of two\n"
    "  expect-error ADDR SIZE TEXT      a read that must fail with TEXT in its result\n"
    "  expect-write-error ADDR HEX TEXT the same for a write\n"
    "  outstanding ADDR COUNT           COUNT writes, COUNT reads, all sent before any response is "
    "taken\n"
    "  bad KIND                         short-header missing-data data-length too-many many-frames "
    "size-zero\n"
    "                                   type-7 huge-read all\n"
    "  load ADDR SECONDS                write, read, compare; prints done=N lost=M wrong=0\n"
    "  many ADDR COUNT SEED             COUNT of all types against a model; prints asked=N\n"
    "  ask ADDR SIZE COUNT              reads that are not waited for;  collect: their responses\n"
    "  values ADDR TAG FILE             unique writes through losses, until FILE.stop exists; "
    "FILE: "
    "those done\n"
    "  part                             take the response connection down;  rejoin: and up\n"
    "  part-requests                    the same with the request connection;  rejoin-requests\n"
    "  say TEXT                         await FILE, until it exists\n"
    "  freeze                           stop this process by SIGSTOP, once a response is there\n"
    "  wait MS                          nothing may come meanwhile that nobody awaits\n"
    "  --timeout-ms N (2000)            --dialect text|numeric|nul|empty\n"
    "  --post-answered no|yes           --write-data any|empty|echo     what a response to a Write "
    "carries\n"
    "  --error-data size|any            data of a failed read (Rogue loses the text unless it has "
    "the size)\n"
    "  --bad-answer any|error|silent    --at ADDR (0)   where `bad` reads and writes\n"
    "  --align N (1)                    sweep leaves out sizes that are no multiple\n"
    "  --old-client                     do not see a response with an empty frame, as Rogue before "
    "6.8.5\n"
    "  --eager                          send without waiting for the response connection\n";

/* An address and the bytes behind it; the bytes are the caller's to free. */
static uint8_t* address_and_bytes(struct link* link, char** arg, uint64_t* address,
                                  uint32_t* size) {
    size_t length = 0;
    if (!setting_number(link, arg[0], 0, UINT64_MAX, address)) return NULL;
    uint8_t* bytes = peer_parse_hex(arg[1], &length);
    *size = (uint32_t)length;
    if (bytes == NULL) {
        link->usage = true;
        link_fail(link, "%.100s is no row of pairs of hex digits", arg[1]);
    }
    return bytes;
}

static bool do_probe(struct link* link, char** arg) {
    uint64_t timeout = 0;
    if (!setting_number(link, arg[0], 1, 3600000, &timeout)) return false;
    uint64_t deadline = peer_now_ms() + timeout;
    do {
        struct link_reply reply;
        enum link_result result = link_transact(link, PEER_PROBE, 0, NULL, 0, 200, &reply);
        if (result == LINK_WRONG) return false;
        if (result == LINK_NONE) continue;
        bool ok = reply.ok || link_fail(link, "the probe's result: %.400s", reply.error);
        link_reply_close(&reply);
        return ok;
    } while (peer_now_ms() < deadline);
    return link_fail(link, "no probe was answered within %s ms", arg[0]);
}

static bool do_write(struct link* link, char** arg) {
    struct link_reply reply;
    uint64_t address;
    uint32_t size;
    uint8_t* bytes = address_and_bytes(link, arg, &address, &size);
    bool held = bytes != NULL && link_demand(link, PEER_WRITE, address, bytes, size, &reply);
    if (held) link_reply_close(&reply);
    free(bytes);
    return held;
}

static bool read_and_compare(struct link* link, char** arg, uint32_t type) {
    struct link_reply reply;
    uint64_t address;
    uint32_t size;
    uint8_t* bytes = address_and_bytes(link, arg, &address, &size);
    bool held = bytes != NULL && link_demand(link, type, address, NULL, size, &reply);
    if (held) {
        held = link_compare(link, link_type_name(type), address, reply.data, bytes, size);
        link_reply_close(&reply);
    }
    free(bytes);
    return held;
}

static bool do_read(struct link* link, char** arg) {
    return read_and_compare(link, arg, PEER_READ);
}

static bool do_verify(struct link* link, char** arg) {
    return read_and_compare(link, arg, PEER_VERIFY);
}

static bool do_post(struct link* link, char** arg) {
    struct peer_header request = {0, 0, 0, PEER_POST};
    struct link_reply reply;
    uint8_t* bytes = address_and_bytes(link, arg, &request.address, &request.size);
    bool held = bytes != NULL;
    if (held && link->post_answered) {
        held = link_demand(link, PEER_POST, request.address, bytes, request.size, &reply);
        if (held) link_reply_close(&reply);
    } else if (held) {
        request.id = link_issue(link, false);
        held =
            request.id != 0 && link_send(link, &request, bytes, peer_now_ms() + link->timeout_ms);
        if (!held) link_fail(link, "the Post could not be sent within %u ms", link->timeout_ms);
    }
    free(bytes);
    /* What was posted before is read after; then any answer to the Post has had its time. */
    return held && read_and_compare(link, arg, PEER_READ) && link_quiet(link, 200);
}

static bool do_block(struct link* link, char** arg) {
    uint64_t address, size, seed;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, 1u << 30, &size) &&
           setting_number(link, arg[2], 0, UINT64_MAX, &seed) &&
           check_block(link, address, (uint32_t)size, seed);
}

static bool do_sweep(struct link* link, char** arg) {
    uint64_t address, most, seed;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, 1u << 30, &most) &&
           setting_number(link, arg[2], 0, UINT64_MAX, &seed) &&
           check_sweep(link, address, (uint32_t)most, seed);
}

static bool must_fail(struct link* link, uint32_t type, uint64_t address, const uint8_t* bytes,
                      uint32_t size, const char* text) {
    struct link_reply reply;
    enum link_result result =
        link_transact(link, type, address, bytes, size, link->timeout_ms, &reply);
    if (result == LINK_WRONG) return false;
    if (result == LINK_NONE) return link_fail(link, "no response within %u ms", link->timeout_ms);
    bool held = true;
    if (reply.ok)
        held = link_fail(link, "success, where an error with \"%.200s\" was due", text);
    else if (strstr(reply.error, text) == NULL)
        held = link_fail(link, "the error is \"%.300s\" and has no \"%.200s\" in it", reply.error,
                         text);
    link_reply_close(&reply);
    return held;
}

static bool do_expect_error(struct link* link, char** arg) {
    uint64_t address, size;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 0, UINT32_MAX, &size) &&
           must_fail(link, PEER_READ, address, NULL, (uint32_t)size, arg[2]);
}

static bool do_expect_write_error(struct link* link, char** arg) {
    uint64_t address;
    uint32_t size;
    uint8_t* bytes = address_and_bytes(link, arg, &address, &size);
    bool held = bytes != NULL && must_fail(link, PEER_WRITE, address, bytes, size, arg[2]);
    free(bytes);
    return held;
}

static bool do_outstanding(struct link* link, char** arg) {
    uint64_t address, count;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, 1000000, &count) &&
           check_outstanding(link, address, (uint32_t)count);
}

static bool do_bad(struct link* link, char** arg) { return check_bad(link, arg[0]); }

static bool do_load(struct link* link, char** arg) {
    uint64_t address, seconds;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, 86400, &seconds) &&
           check_load(link, address, (uint32_t)seconds);
}

static bool do_many(struct link* link, char** arg) {
    uint64_t address, count, seed;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, UINT32_MAX, &count) &&
           setting_number(link, arg[2], 0, UINT64_MAX, &seed) &&
           check_many(link, address, (uint32_t)count, seed);
}

static bool do_ask(struct link* link, char** arg) {
    uint64_t address, size, count;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 1, 1u << 30, &size) &&
           setting_number(link, arg[2], 1, 1000000, &count) &&
           check_ask(link, address, (uint32_t)size, (uint32_t)count);
}

static bool do_collect(struct link* link, char** arg) {
    (void)arg;
    return check_collect(link);
}

static bool do_values(struct link* link, char** arg) {
    uint64_t address, tag;
    return setting_number(link, arg[0], 0, UINT64_MAX, &address) &&
           setting_number(link, arg[1], 0, 0xFFFF, &tag) &&
           check_values(link, address, (uint32_t)tag, arg[2]);
}

static bool do_part(struct link* link, char** arg) {
    (void)arg;
    return link_part(link);
}

static bool do_rejoin(struct link* link, char** arg) {
    (void)arg;
    return link_rejoin(link);
}

static bool do_part_requests(struct link* link, char** arg) {
    (void)arg;
    return link_part_requests(link);
}

static bool do_rejoin_requests(struct link* link, char** arg) {
    (void)arg;
    return link_rejoin_requests(link);
}

static bool do_say(struct link* link, char** arg) {
    (void)link;
    return puts(arg[0]) >= 0;
}

static bool do_await(struct link* link, char** arg) {
    for (int i = 0; i < 6000; i++) {
        FILE* file = fopen(arg[0], "r");
        if (file != NULL) return fclose(file) == 0;
        peer_sleep_us(10000);
    }
    return link_fail(link, "it did not come within 60 s");
}

/* libzmq sends on a thread of its own: a response shows that the requests have left. */
static bool do_freeze(struct link* link, char** arg) {
    (void)arg;
    zmq_pollitem_t item = {.socket = link->responses, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, (long)link->timeout_ms) <= 0)
        return link_fail(link, "no response within %u ms", link->timeout_ms);
    return raise(SIGSTOP) == 0 || link_fail(link, "not stopped");
}

static bool do_wait(struct link* link, char** arg) {
    uint64_t milliseconds;
    return setting_number(link, arg[0], 0, 3600000, &milliseconds) &&
           link_quiet(link, (uint32_t)milliseconds);
}

static const struct command {
    const char* name;
    int arguments;
    bool (*run)(struct link* link, char** arg);
} commands[] = {
    {"probe", 1, do_probe},
    {"write", 2, do_write},
    {"read", 2, do_read},
    {"verify", 2, do_verify},
    {"post", 2, do_post},
    {"block", 3, do_block},
    {"sweep", 3, do_sweep},
    {"expect-error", 3, do_expect_error},
    {"expect-write-error", 3, do_expect_write_error},
    {"outstanding", 2, do_outstanding},
    {"bad", 1, do_bad},
    {"load", 2, do_load},
    {"many", 3, do_many},
    {"ask", 3, do_ask},
    {"collect", 0, do_collect},
    {"values", 3, do_values},
    {"part", 0, do_part},
    {"rejoin", 0, do_rejoin},
    {"part-requests", 0, do_part_requests},
    {"rejoin-requests", 0, do_rejoin_requests},
    {"say", 1, do_say},
    {"await", 1, do_await},
    {"freeze", 0, do_freeze},
    {"wait", 1, do_wait},
    {"--timeout-ms", 1, set_timeout},
    {"--dialect", 1, set_dialect},
    {"--post-answered", 1, set_post_answered},
    {"--write-data", 1, set_write_data},
    {"--error-data", 1, set_error_data},
    {"--bad-answer", 1, set_bad_answer},
    {"--align", 1, set_align},
    {"--at", 1, set_at},
    {"--old-client", 0, set_old_client},
    {"--eager", 0, set_eager},
};

static const struct command* find_command(const char* name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

/* Before anything is sent: a slip in the last command must not cost the time of the first. */
static bool well_formed(int argc, char** argv) {
    for (int i = 3; i < argc; i++) {
        const struct command* command = find_command(argv[i]);
        if (command == NULL || argc - i - 1 < command->arguments) {
            fprintf(stderr, "peer_client: %s: %s\n", argv[i],
                    command == NULL ? "unknown" : "arguments are missing");
            return false;
        }
        i += command->arguments;
    }
    return argc > 3;
}

int main(int argc, char** argv) {
    struct link link = {.timeout_ms = 2000, .align = 1};
    uint64_t port;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!well_formed(argc, argv) || !peer_parse(argv[2], 65534, &port) || port == 0) {
        fputs(usage_text, stderr);
        return 2;
    }
    if (!link_open(&link, argv[1], (unsigned)port)) {
        fprintf(stderr, "peer_client: %s\n", link.why);
        return 3;
    }
    for (int i = 3; i < argc; i++) {
        const struct command* command = find_command(argv[i]);
        if (!command->run(&link, &argv[i + 1])) {
            fprintf(stderr, "peer_client: %s", command->name);
            for (int k = 1; k <= command->arguments; k++)
                fprintf(stderr, " %.100s", argv[i + k]);
            fprintf(stderr, ": %s\n", link.why);
            link_close(&link);
            return link.usage ? 2 : 1;
        }
        i += command->arguments;
    }
    /* A response too many may be here already, from whichever command it stems. */
    bool quiet = link_quiet(&link, 0);
    if (!quiet) fprintf(stderr, "peer_client: after the last command: %s\n", link.why);
    link_close(&link);
    return quiet ? 0 : 1;
}
