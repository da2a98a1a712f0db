/*
 * A C peer on libzmq that speaks the legacy messages: what the same structure as Rogue's costs when
 * nothing but libzmq and the hand-over between threads is in it.
 *
 * Sockets are set as Rogue sets them: LINGER 0, IMMEDIATE on the client's request socket, a receive
 * timeout of 100 ms on what the two receiving threads wait at, else defaults. As in Rogue, the
 * client sends on the thread that asks, under a lock, and a thread of its own receives, finds the
 * transaction by its id, copies the data and wakes who waits for it by a condition variable, one
 * transaction after the other when it is for all; the server has one thread that receives a
 * message, carries it out into the message to be sent, and sends the six frames of the answer, a
 * write's data included. In its favour: a transaction is a place in an array, there is no log and
 * no timer, and an answer does not walk through what is outstanding.
 *
 * Words are read from an array. A block that is read is a message of that size, whose bytes nobody
 * touches, as with the other contestants; Rogue's slaves write into the message as well.
 */
#include "contestant.h"

#include <errno.h>
#include <pthread.h>
#include <zmq.h>

enum { READ = 1, WRITE = 2 };
enum { FRAMES = 6, MEMORY = 1 << 16, SLOTS = 1 << 14 };

static void* context;
static void* requests;
static void* responses;

static bool failed(const char* what) { return bench_fail("%s: %s", what, zmq_strerror(errno)); }

static void set(void* socket, int option, int value) {
    bench_must(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0 || failed("option"),
               "socket");
}

static void open_sockets(int request_type, int response_type, void** waited_at) {
    context = zmq_ctx_new();
    requests = zmq_socket(context, request_type);
    responses = zmq_socket(context, response_type);
    bench_must((requests != NULL && responses != NULL) || failed("socket"), "socket");
    set(requests, ZMQ_LINGER, 0);
    set(responses, ZMQ_LINGER, 0);
    set(*waited_at, ZMQ_RCVTIMEO, 100);
}

/* Receives the frames of one message, and gives how many there were. */
static int receive(void* socket, zmq_msg_t frames[FRAMES]) {
    for (int n = 0;;) {
        zmq_msg_init(&frames[n]);
        if (zmq_msg_recv(&frames[n], socket, 0) < 0) {
            bench_must(errno == EAGAIN || errno == EINTR || failed("receive"), "receive");
            continue;
        }
        if (!zmq_msg_more(&frames[n++])) return n;
        bench_must(n < FRAMES || bench_fail("too many frames"), "receive");
    }
}

static bool send_frames(void* socket, zmq_msg_t* frames, int count) {
    for (int n = 0; n < count; n++)
        if (zmq_msg_send(&frames[n], socket, n + 1 < count ? ZMQ_SNDMORE : 0) < 0)
            return failed("send");
    return true;
}

static void fill(zmq_msg_t* frame, const void* bytes, size_t count) {
    bench_must(zmq_msg_init_size(frame, count) == 0, "memory");
    if (bytes != NULL) memcpy(zmq_msg_data(frame), bytes, count);
}

static uint32_t number(zmq_msg_t* frame) {
    uint32_t value = 0;
    bench_must(zmq_msg_size(frame) >= sizeof(value), "short frame");
    memcpy(&value, zmq_msg_data(frame), sizeof(value));
    return value;
}

static void serve(const char* kind) {
    static unsigned char memory[MEMORY];
    const bool words = strcmp(kind, "words") == 0;
    if (!words && strcmp(kind, "blocks") != 0) return;
    char endpoint[40];
    uint16_t port = 0;
    open_sockets(ZMQ_PULL, ZMQ_PUSH, &requests);
    for (;;) {
        port = bench_any_port();
        snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", port);
        if (zmq_bind(requests, endpoint) != 0) continue;
        snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", port + 1);
        if (zmq_bind(responses, endpoint) == 0) break;
        bench_must(bench_fail("port %d is taken", port + 1), "bind");
    }
    bench_ready(port);
    for (;;) {
        zmq_msg_t frames[FRAMES];
        int count = receive(requests, frames);
        uint64_t address = 0;
        bench_must(count >= 4 && zmq_msg_size(&frames[1]) == sizeof(address),
                   "a message that is none");
        memcpy(&address, zmq_msg_data(&frames[1]), sizeof(address));
        uint32_t size = number(&frames[2]), type = number(&frames[3]);
        bench_must(count == (type == WRITE ? 5 : 4), "data that does not fit the type");
        if (type != WRITE) fill(&frames[4], NULL, size);
        if (words) {
            bench_must(address < MEMORY && size <= MEMORY - address, "outside the memory");
            unsigned char* data = zmq_msg_data(&frames[4]);
            if (type == WRITE)
                memcpy(memory + address, data, size);
            else
                memcpy(data, memory + address, size);
        }
        fill(&frames[5], "OK", 2);
        bench_must(send_frames(responses, frames, FRAMES), "send");
    }
}

/* The client's transactions: the place of one is its id, modulo SLOTS. */
typedef struct {
    uint32_t id, size, type;
    void* data;
    bool done;
} transaction;
static transaction slots[SLOTS];
static uint32_t next_id = 1;
static uint32_t first_not_awaited = 1; /* who waits for all, waits for one after the other */
static uint32_t awaited;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER, sending = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

static void* receiver(void* unused) {
    for (;;) {
        zmq_msg_t frames[FRAMES];
        int count = receive(responses, frames);
        pthread_mutex_lock(&table);
        uint32_t id = number(&frames[0]);
        transaction* slot = &slots[id % SLOTS];
        bench_must(count == FRAMES && slot->id == id && !slot->done &&
                       slot->size == number(&frames[2]) && slot->type == number(&frames[3]) &&
                       zmq_msg_size(&frames[4]) == slot->size && zmq_msg_size(&frames[5]) == 2,
                   "an answer that fits nothing");
        if (slot->type == READ) memcpy(slot->data, zmq_msg_data(&frames[4]), slot->size);
        slot->done = true;
        if (id == awaited) pthread_cond_signal(&answered);
        pthread_mutex_unlock(&table);
        for (int n = 0; n < FRAMES; n++)
            zmq_msg_close(&frames[n]);
    }
    return unused;
}

static bool request(uint32_t type, uint64_t address, void* data, uint32_t size) {
    zmq_msg_t frames[FRAMES];
    pthread_mutex_lock(&table);
    uint32_t id = next_id++;
    transaction new = {id, size, type, data, false};
    slots[id % SLOTS] = new;
    pthread_mutex_unlock(&table);

    pthread_mutex_lock(&sending);
    fill(&frames[0], &id, sizeof(id));
    fill(&frames[1], &address, sizeof(address));
    fill(&frames[2], &size, sizeof(size));
    fill(&frames[3], &type, sizeof(type));
    if (type == WRITE) fill(&frames[4], data, size);
    bool sent = send_frames(requests, frames, type == WRITE ? 5 : 4);
    pthread_mutex_unlock(&sending);
    return sent;
}

static bool wait_for_all(void) {
    bool fine = true;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BENCH_TIMEOUT_US / 1000000;
    pthread_mutex_lock(&table);
    for (; first_not_awaited != next_id && fine; first_not_awaited++) {
        awaited = first_not_awaited;
        while (!slots[awaited % SLOTS].done && fine)
            fine =
                pthread_cond_timedwait(&answered, &table, &until) == 0 || bench_fail("no answer");
    }
    awaited = 0;
    pthread_mutex_unlock(&table);
    return fine;
}

static bool connect_to(uint16_t port) {
    char endpoint[40];
    pthread_t thread;
    uint32_t word = BENCH_WORD;
    open_sockets(ZMQ_PUSH, ZMQ_PULL, &responses);
    set(requests, ZMQ_IMMEDIATE, 1);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", port + 1);
    if (zmq_connect(responses, endpoint) != 0) return failed(endpoint);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", port);
    if (zmq_connect(requests, endpoint) != 0) return failed(endpoint);
    if (pthread_create(&thread, NULL, receiver, NULL) != 0) return bench_fail("no thread");
    /* It waits for the connection, since the socket takes nothing before there is one. */
    return request(WRITE, BENCH_ADDRESS, &word, sizeof(word)) && wait_for_all();
}

static bool batch(unsigned outstanding) {
    for (unsigned n = 0; n < outstanding; n++)
        if (!request(READ, BENCH_ADDRESS, &bench_words[n], sizeof(*bench_words))) return false;
    return wait_for_all();
}

static bool word(void) { return batch(1); }

static bool block(bool write, uint32_t size) {
    return request(write ? WRITE : READ, 0, bench_block, size) && wait_for_all();
}

int main(int argc, char** argv) {
    static const bench_contestant libzmq = {serve, connect_to, word, batch, block, NULL, NULL};
    return bench_main(argc, argv, &libzmq);
}
