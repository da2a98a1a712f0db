/*
 * The floor: plain blocking sockets that move as many bytes as the bridge does, on two connections
 * as it has them, and do nothing else. Nobody who speaks the bridge's wire can be faster but by
 * making fewer system calls.
 *
 * Words: the server takes what is there with one read, and answers all of that with one write; the
 * client writes its requests with one write. With one request at a time these are one write and one
 * read on each side; with 64, the floor that batches.
 * Blocks: the bytes go from a buffer that is there and to one that is there; the server touches
 * none of them. A write's answer has no data, as the bridge's has none.
 * Nothing is paced on the way: where the system's choice is BBR, large blocks take twice the time
 * or not, as it goes, and a floor that takes it would be none (docs/performance.md).
 */
#define _GNU_SOURCE

#include "contestant.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    /* What a request and a response have besides their data: four or six frames and fields. */
    REQUEST = 28,
    RESPONSE = 34,
    WORD_RESPONSE = RESPONSE + 4,
    /* Where the word is in the latter; and the header of a data frame longer than 255 bytes. */
    WORD_AT = 30,
    LONG_FRAME = 9,
    AT_A_TIME = 1024
};

/* Of a request, the floor reads no more than this. */
typedef struct {
    uint32_t write, size;
} request_head;

static int requests, responses;
static unsigned char header[RESPONSE];

static bool lost(void) { return bench_fail("socket: %s", strerror(errno)); }

static bool send_all(int fd, const void* bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t step = send(fd, (const char*)bytes + done, count - done, MSG_NOSIGNAL);
        if (step <= 0) return lost();
        done += (size_t)step;
    }
    return true;
}

static bool receive_all(int fd, void* bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t step = recv(fd, (char*)bytes + done, count - done, 0);
        if (step <= 0) return lost();
        done += (size_t)step;
    }
    return true;
}

/* A header and data behind it: one system call as long as the network takes them. */
static bool send_both(int fd, const void* head, size_t head_count, const void* data, size_t count) {
    struct iovec parts[2] = {{(void*)head, head_count}, {(void*)data, count}};
    struct msghdr message = {0};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t step = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (step < (ssize_t)head_count) return lost();
    size_t done = (size_t)step - head_count;
    return send_all(fd, (const char*)data + done, count - done);
}

/* Before it listens or connects: Linux goes on to pace what has once been. */
static int unpaced_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
#ifdef TCP_CONGESTION
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
#endif
    return fd;
}

static void serve_words(void) {
    static unsigned char in[AT_A_TIME * REQUEST], out[AT_A_TIME * WORD_RESPONSE];
    const uint32_t word = BENCH_WORD;
    for (unsigned n = 0; n < AT_A_TIME; n++)
        memcpy(out + n * WORD_RESPONSE + WORD_AT, &word, sizeof(word));
    for (size_t have = 0;;) {
        ssize_t step = recv(requests, in + have, sizeof(in) - have, 0);
        if (step <= 0) return;
        have += (size_t)step;
        size_t whole = have / REQUEST;
        if (!send_all(responses, out, whole * WORD_RESPONSE)) return;
        have -= whole * REQUEST;
        memmove(in, in + whole * REQUEST, have);
    }
}

static void serve_blocks(void) {
    for (;;) {
        request_head head;
        if (!receive_all(requests, header, REQUEST)) return;
        memcpy(&head, header, sizeof(head));
        if (head.write) {
            if (!receive_all(requests, bench_block, head.size + LONG_FRAME)) return;
            if (!send_all(responses, bench_block, RESPONSE)) return;
        } else if (!send_all(responses, bench_block, RESPONSE + head.size + LONG_FRAME - 2)) {
            return;
        }
    }
}

static void serve(const char* kind) {
    const bool words = strcmp(kind, "words") == 0;
    if (!words && strcmp(kind, "blocks") != 0) return;
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    int on = 1, listener = unpaced_socket();
    bench_must(bind(listener, (struct sockaddr*)&address, length) == 0 &&
                   listen(listener, 2) == 0 &&
                   getsockname(listener, (struct sockaddr*)&address, &length) == 0,
               "listen");
    bench_ready(ntohs(address.sin_port));
    requests = accept(listener, NULL, NULL);
    responses = accept(listener, NULL, NULL);
    bench_must(requests >= 0 && responses >= 0, "accept");
    setsockopt(responses, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (words)
        serve_words();
    else
        serve_blocks();
    for (;;)
        pause();
}

static bool connect_to(uint16_t port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    int on = 1;
    requests = unpaced_socket();
    responses = unpaced_socket();
    if (connect(requests, (struct sockaddr*)&address, sizeof(address)) != 0 ||
        connect(responses, (struct sockaddr*)&address, sizeof(address)) != 0)
        return lost();
    setsockopt(requests, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return true;
}

static bool batch(unsigned outstanding) {
    static unsigned char out[AT_A_TIME * REQUEST], in[AT_A_TIME * WORD_RESPONSE];
    if (outstanding > AT_A_TIME) return bench_fail("no more than %d at a time", AT_A_TIME);
    if (!send_all(requests, out, outstanding * REQUEST)) return false;
    if (!receive_all(responses, in, outstanding * WORD_RESPONSE)) return false;
    for (unsigned n = 0; n < outstanding; n++)
        memcpy(&bench_words[n], in + n * WORD_RESPONSE + WORD_AT, sizeof(*bench_words));
    return true;
}

static bool word(void) { return batch(1); }

static bool block(bool write, uint32_t size) {
    request_head head = {write, size};
    memcpy(header, &head, sizeof(head));
    if (write)
        return send_both(requests, header, REQUEST, bench_block, size + LONG_FRAME) &&
               receive_all(responses, header, RESPONSE);
    return send_all(requests, header, REQUEST) &&
           receive_all(responses, bench_block, RESPONSE + size + LONG_FRAME - 2);
}

int main(int argc, char** argv) {
    static const bench_contestant plain = {serve, connect_to, word, batch, block, NULL, NULL};
    return bench_main(argc, argv, &plain);
}
