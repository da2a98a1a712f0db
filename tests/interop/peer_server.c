/*
 * A memory server as it is in the field, on libzmq: the sockets and the habits of Rogue's TcpServer
 * (one transaction at a time, writes echo their data, posts are answered, bad messages dropped
 * without a word), with the result frame of Rogue or of the SURF simulation model, and with faults
 * to order. For tests; it is no part of the bridge.
 *
 * It prints `ready PORT` when it is bound, and ends with 0 on SIGTERM, on SIGINT and when its
 * standard input ends. 2: wrong command line; 3: no socket, port or memory to be had.
 */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"
#include "peer_memory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MOST                                                                                  \
    (256u << 20) /* Rogue trusts any size, and dies of it; a test server had better not */
#define RULES_MOST 32
#define SLVERR 2u

enum probe { PROBE_OK, PROBE_IGNORE, PROBE_HANG };

/* A transaction that touches `address` fails: with `text`, or in the numeric dialect with `code`.
 */
struct rule {
    uint64_t address;
    char* text;
    size_t length;
    uint32_t code;
};

static struct {
    const char* host;
    unsigned port;
    uint64_t flat_bytes;
    enum peer_dialect dialect;
    enum probe probe;
    uint64_t delay_us;
    bool ignore_stdin;
    struct rule rules[RULES_MOST];
    unsigned rule_count;
} option;

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void usage(const char* wrong) {
    fprintf(stderr,
            "peer_server: %s\n"
            "usage: peer_server ADDR PORT [--memory BYTES] [--dialect text|numeric|nul|empty]\n"
            "  [--probe ok|ignore|hang] [--no-probe] [--delay-us N] [--error-at ADDR:TEXT]\n"
            "  [--long-error-at ADDR:LENGTH] [--fail-code-at ADDR:CODE] [--ignore-stdin]\n"
            "PORT 0 takes any free pair. Rules may be given several times.\n",
            wrong);
    exit(2);
}

/* True when it is time to end. A runner that dies closes our standard input, and so takes us along.
 */
static bool ending(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char waste[256];
    if (!stopped && !option.ignore_stdin && poll(&input, 1, 0) > 0) {
        ssize_t got = read(STDIN_FILENO, waste, sizeof waste);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) stopped = 1;
    }
    return stopped != 0;
}

static void sleep_unless_ending(uint64_t microseconds) {
    while (microseconds > 0 && !ending()) {
        uint64_t part = microseconds < 50000 ? microseconds : 50000;
        peer_sleep_us(part);
        microseconds -= part;
    }
}

static uint64_t number_or_usage(const char* text, uint64_t most, const char* what) {
    uint64_t value = 0;
    if (!peer_parse(text, most, &value)) usage(what);
    return value;
}

static void add_rule(const char* kind, char* text) {
    char* colon = strchr(text, ':');
    if (colon == NULL) usage("a rule is ADDR:VALUE");
    if (option.rule_count == RULES_MOST) usage("too many rules");
    struct rule* rule = &option.rules[option.rule_count++];
    *colon++ = '\0';
    rule->address = number_or_usage(text, UINT64_MAX, "the address of a rule is no number");
    if (strcmp(kind, "--error-at") == 0) {
        rule->text = colon;
        rule->length = strlen(colon);
        if (rule->length == 0) usage("--error-at needs a text: an empty one means success");
    } else if (strcmp(kind, "--long-error-at") == 0) {
        rule->length = (size_t)number_or_usage(colon, 1 << 20,
                                               "the length of --long-error-at is 1 to 1048576");
        rule->text = rule->length > 0 ? malloc(rule->length) : NULL;
        if (rule->text == NULL) usage("the length of --long-error-at is 1 to 1048576");
        for (size_t i = 0; i < rule->length; i++)
            rule->text[i] = "long error "[i % 11];
    } else {
        rule->code =
            (uint32_t)number_or_usage(colon, UINT32_MAX, "the code of a rule is no 32-bit number");
        if (rule->code == 0) usage("--fail-code-at needs a code other than 0, which means success");
    }
}

static void parse(int argc, char** argv) {
    if (argc < 3) usage("ADDR and PORT are needed");
    option.host = argv[1];
    option.port = (unsigned)number_or_usage(argv[2], 65534, "PORT is 0 to 65534");
    for (int i = 3; i < argc; i++) {
        const char* name = argv[i];
        if (strcmp(name, "--no-probe") == 0) {
            option.probe = PROBE_IGNORE;
            continue;
        }
        if (strcmp(name, "--ignore-stdin") == 0) {
            option.ignore_stdin = true;
            continue;
        }
        if (i + 1 == argc) usage("an option is unknown or lacks its value");
        char* value = argv[++i];
        if (strcmp(name, "--memory") == 0) {
            option.flat_bytes = number_or_usage(value, 1u << 30, "--memory is 1 byte to 1 GiB");
            if (option.flat_bytes == 0) usage("--memory is 1 byte to 1 GiB");
        } else if (strcmp(name, "--dialect") == 0) {
            if (!peer_parse_dialect(value, &option.dialect))
                usage("--dialect is text, numeric, nul or empty");
        } else if (strcmp(name, "--probe") == 0) {
            if (strcmp(value, "ok") == 0)
                option.probe = PROBE_OK;
            else if (strcmp(value, "ignore") == 0)
                option.probe = PROBE_IGNORE;
            else if (strcmp(value, "hang") == 0)
                option.probe = PROBE_HANG;
            else
                usage("--probe is ok, ignore or hang");
        } else if (strcmp(name, "--delay-us") == 0) {
            option.delay_us =
                number_or_usage(value, UINT64_C(3600000000), "--delay-us is at most an hour");
        } else if (strcmp(name, "--error-at") == 0 || strcmp(name, "--long-error-at") == 0 ||
                   strcmp(name, "--fail-code-at") == 0) {
            add_rule(name, value);
        } else {
            usage("unknown option");
        }
    }
    for (unsigned i = 0; i < option.rule_count; i++)
        if ((option.rules[i].text == NULL) != (option.dialect == PEER_NUMERIC))
            usage("--fail-code-at goes with the numeric dialect alone, the other rules with the "
                  "others");
}

static const struct rule* broken_rule(const struct peer_header* request) {
    for (unsigned i = 0; i < option.rule_count; i++)
        if (option.rules[i].address - request->address < request->size) return &option.rules[i];
    return NULL;
}

/* The result frame: success when neither a text nor a code is given. */
static void make_result(zmq_msg_t* frame, const char* text, size_t length, uint32_t code) {
    /* What a fixed buffer of a C program holds behind the NUL is of no meaning, and a reader must
     * see it so. */
    static const char rest[] = "left over";
    if (option.dialect == PEER_NUMERIC) {
        zmq_msg_init_size(frame, 4);
        peer_put_u32(zmq_msg_data(frame), code);
        return;
    }
    if (text == NULL && option.dialect == PEER_TEXT) {
        text = "OK";
        length = 2;
    }
    size_t tail = option.dialect == PEER_NUL ? sizeof rest : 0;
    zmq_msg_init_size(frame, length + tail);
    uint8_t* to = zmq_msg_data(frame);
    if (length > 0) memcpy(to, text, length);
    if (tail > 0) {
        to[length] = '\0';
        memcpy(to + length + 1, rest, tail - 1);
    }
}

/* Like Rogue it waits for as long as no client takes the response; unlike Rogue it can be ended
 * meanwhile. */
static void respond(void* responses, struct peer_message* request, zmq_msg_t* data,
                    zmq_msg_t* result) {
    zmq_msg_t* frames[6] = {&request->frame[0],
                            &request->frame[1],
                            &request->frame[2],
                            &request->frame[3],
                            data,
                            result};
    for (int i = 0; i < 6; i++) {
        int flags = i == 5 ? 0 : ZMQ_SNDMORE;
        zmq_pollitem_t item = {.socket = responses, .events = ZMQ_POLLOUT};
        while (zmq_msg_send(frames[i], responses, i == 0 ? flags | ZMQ_DONTWAIT : flags) < 0) {
            if ((zmq_errno() != EAGAIN && zmq_errno() != EINTR) || ending()) return;
            zmq_poll(&item, 1, 100);
        }
    }
}

/* One well-formed transaction on the memory. */
static void transact(struct peer_memory* memory, void* responses, struct peer_message* request,
                     const struct peer_header* header) {
    static const char refused[] = "size is over what this test server takes";
    static const char no_page[] = "emulated memory is used up";
    bool write = header->type == PEER_WRITE || header->type == PEER_POST;
    zmq_msg_t data, result;
    const struct rule* rule = broken_rule(header);

    sleep_unless_ending(option.delay_us);
    if (header->size > SIZE_MOST || zmq_msg_init_size(&data, header->size) != 0) {
        zmq_msg_init(&data);
        make_result(&result, refused, sizeof refused - 1, SLVERR);
    } else {
        uint8_t* bytes = zmq_msg_data(&data);
        bool stored = true;
        if (write) memcpy(bytes, zmq_msg_data(&request->frame[4]), header->size);
        if (rule != NULL) {
            /* Rogue sends what its heap held: bytes which a client must not take for data. */
            if (!write) memset(bytes, 0xA5, header->size);
        } else if (write) {
            stored = peer_memory_write(memory, header->address, bytes, header->size);
        } else {
            peer_memory_read(memory, header->address, bytes, header->size);
        }
        if (!stored)
            make_result(&result, no_page, sizeof no_page - 1, SLVERR);
        else if (rule != NULL)
            make_result(&result, rule->text, rule->length, rule->code);
        else
            make_result(&result, NULL, 0, 0);
    }
    respond(responses, request, &data, &result);
    zmq_msg_close(&data);
    zmq_msg_close(&result);
}

static void serve(struct peer_memory* memory, void* responses, struct peer_message* request) {
    struct peer_header header;
    if ((request->count != 4 && request->count != 5) || !peer_header(request, &header)) return;
    if (header.type == PEER_PROBE) {
        zmq_msg_t data, result;
        if (request->count != 4 || header.size != 0 || option.probe == PROBE_IGNORE) return;
        while (option.probe == PROBE_HANG && !ending())
            peer_sleep_us(20000);
        if (stopped) return;
        zmq_msg_init(&data);
        make_result(&result, NULL, 0, 0);
        respond(responses, request, &data, &result);
        zmq_msg_close(&data);
        zmq_msg_close(&result);
        return;
    }
    if ((header.type == PEER_WRITE || header.type == PEER_POST) &&
        (request->count != 5 || zmq_msg_size(&request->frame[4]) != header.size))
        return;
    transact(memory, responses, request, &header);
}

static bool bind_port(void* socket, unsigned port) {
    char endpoint[300];
    int length = port > 0 ? snprintf(endpoint, sizeof endpoint, "tcp://%s:%u", option.host, port)
                          : snprintf(endpoint, sizeof endpoint, "tcp://%s:*", option.host);
    return length > 0 && (size_t)length < sizeof endpoint && zmq_bind(socket, endpoint) == 0;
}

/* The port that the system gave; 0 when it cannot be told. */
static unsigned bound_port(void* socket) {
    char endpoint[300];
    size_t size = sizeof endpoint;
    uint64_t port = 0;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) return 0;
    const char* colon = strrchr(endpoint, ':');
    return colon != NULL && peer_parse(colon + 1, 65535, &port) ? (unsigned)port : 0;
}

/* Sockets as Rogue makes them: the response port is bound first. For port 0 a pair is tried until
 * both are free. */
static unsigned bind_pair(void* context, void** requests, void** responses) {
    for (int attempt = 0; attempt < (option.port > 0 ? 1 : 100); attempt++) {
        unsigned port = option.port;
        *responses = zmq_socket(context, ZMQ_PUSH);
        *requests = zmq_socket(context, ZMQ_PULL);
        if (*responses == NULL || *requests == NULL) break;
        peer_set_option(*responses, ZMQ_LINGER, 0);
        peer_set_option(*requests, ZMQ_LINGER, 0);
        peer_set_option(*requests, ZMQ_RCVTIMEO, 100);
        if (bind_port(*responses, port > 0 ? port + 1 : 0)) {
            unsigned upper = bound_port(*responses);
            if (port == 0 && upper > 1) port = upper - 1;
            if (port > 0 && bind_port(*requests, port)) return port;
        }
        int error = zmq_errno();
        zmq_close(*responses);
        zmq_close(*requests);
        errno = error;
    }
    fprintf(stderr, "peer_server: cannot bind %s port %u and the next: %s\n", option.host,
            option.port, zmq_strerror(zmq_errno()));
    exit(3);
}

int main(int argc, char** argv) {
    struct sigaction action = {.sa_handler = on_signal};
    void *context, *requests = NULL, *responses = NULL;
    struct peer_memory* memory;

    setvbuf(stdout, NULL, _IOLBF, 0);
    parse(argc, argv);
    /* Without SA_RESTART, so that a signal ends a call that blocks. */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    memory = peer_memory_new(option.flat_bytes);
    context = zmq_ctx_new();
    if (memory == NULL || context == NULL) {
        fprintf(stderr, "peer_server: no memory\n");
        return 3;
    }
    printf("ready %u\n", bind_pair(context, &requests, &responses));

    while (!ending()) {
        struct peer_message request;
        int got = peer_receive(requests, &request);
        if (got < 0) {
            fprintf(stderr, "peer_server: receive: %s\n", zmq_strerror(zmq_errno()));
            return 3;
        }
        if (got == 0) continue;
        serve(memory, responses, &request);
        peer_close(&request);
    }
    zmq_close(responses);
    zmq_close(requests);
    zmq_ctx_term(context);
    peer_memory_free(memory);
    return 0;
}
