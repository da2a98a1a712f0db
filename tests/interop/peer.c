/*
 * What the two interoperation peers share: messages of the memory bridge over libzmq, numbers,
 * time. What a server or a client does with them is not here.
 */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void peer_put_u32(uint8_t* to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

void peer_put_u64(uint8_t* to, uint64_t value) {
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

uint32_t peer_get_u32(const uint8_t* from) {
    uint32_t value = 0;
    for (int i = 3; i >= 0; i--)
        value = value << 8 | from[i];
    return value;
}

uint64_t peer_get_u64(const uint8_t* from) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | from[i];
    return value;
}

void peer_set_option(void* socket, int option, int value) {
    if (zmq_setsockopt(socket, option, &value, sizeof value) == 0) return;
    fprintf(stderr, "socket option %d = %d: %s\n", option, value, zmq_strerror(zmq_errno()));
    exit(3);
}

int peer_receive(void* socket, struct peer_message* message) {
    int more = 1;
    message->kept = 0;
    message->count = 0;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, 0) < 0) {
            int error = zmq_errno();
            zmq_msg_close(&frame);
            /* libzmq hands out a message only when all of it is there: past the first frame nothing
             * but a signal can come between. */
            if (error == EINTR && message->count > 0) continue;
            peer_close(message);
            return error == EAGAIN || error == EINTR ? 0 : -1;
        }
        more = zmq_msg_more(&frame);
        message->count++;
        if (message->kept < PEER_FRAMES) {
            zmq_msg_t* kept = &message->frame[message->kept++];
            zmq_msg_init(kept);
            zmq_msg_move(kept, &frame);
        }
        zmq_msg_close(&frame);
    }
    return 1;
}

void peer_close(struct peer_message* message) {
    for (unsigned i = 0; i < message->kept; i++)
        zmq_msg_close(&message->frame[i]);
    message->kept = 0;
}

bool peer_header(struct peer_message* message, struct peer_header* header) {
    static const size_t sizes[4] = {4, 8, 4, 4};
    if (message->kept < 4) return false;
    for (int i = 0; i < 4; i++)
        if (zmq_msg_size(&message->frame[i]) != sizes[i]) return false;
    header->id = peer_get_u32(zmq_msg_data(&message->frame[0]));
    header->address = peer_get_u64(zmq_msg_data(&message->frame[1]));
    header->size = peer_get_u32(zmq_msg_data(&message->frame[2]));
    header->type = peer_get_u32(zmq_msg_data(&message->frame[3]));
    return true;
}

bool peer_send(void* socket, const void* data, size_t size, int flags) {
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, size) != 0) return false;
    if (size > 0) memcpy(zmq_msg_data(&frame), data, size);
    if (zmq_msg_send(&frame, socket, flags) >= 0) return true;
    int error = zmq_errno();
    zmq_msg_close(&frame);
    errno = error;
    return false;
}

uint64_t peer_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void peer_sleep_us(uint64_t microseconds) {
    struct timespec span = {(time_t)(microseconds / 1000000),
                            (long)(microseconds % 1000000) * 1000};
    nanosleep(&span, NULL);
}

bool peer_parse(const char* text, uint64_t most, uint64_t* value) {
    char* end = NULL;
    /* strtoull takes blanks and a minus sign, and reads a leading 0 as octal: none is meant here.
     */
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!isdigit((unsigned char)text[0]) || (hex && !isxdigit((unsigned char)text[2])))
        return false;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, hex ? 16 : 10);
    if (errno != 0 || *end != '\0' || parsed > most) return false;
    *value = parsed;
    return true;
}

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

uint8_t* peer_parse_hex(const char* text, size_t* size) {
    size_t length = strlen(text);
    if (length == 0 || length % 2 != 0) return NULL;
    uint8_t* bytes = malloc(length / 2);
    if (bytes == NULL) return NULL;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    *size = length / 2;
    return bytes;
}

bool peer_parse_dialect(const char* text, enum peer_dialect* dialect) {
    static const char* const names[] = {"text", "numeric", "nul", "empty"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *dialect = (enum peer_dialect)i;
        return true;
    }
    return false;
}

void peer_pattern(uint8_t* to, size_t size, uint64_t seed) {
    /* xorshift64*, started off zero, where it would stay for ever. */
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    if (state == 0) state = 1;
    for (size_t i = 0; i < size; i++) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        to[i] = (uint8_t)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 56);
    }
}
