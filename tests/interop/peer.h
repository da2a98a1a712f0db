/*
 * What the two interoperation peers share: messages of the memory bridge over libzmq, numbers,
 * time.
 *
 * The peers stand for the programs in the field (Rogue, the SURF simulation model). They are
 * written from the description of the wire and share no code with the bridge, so that a misreading
 * on one side shows.
 */
#ifndef RIM_INTEROP_PEER_H
#define RIM_INTEROP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

enum { PEER_READ = 1, PEER_WRITE = 2, PEER_POST = 3, PEER_VERIFY = 4 };
#define PEER_PROBE 0xFFFFFFFEu

/* Frames that are kept of a message; a longer one is read to its end, counted, and its rest
 * dropped. */
#define PEER_FRAMES 6

/* How the result frame tells success and failure. */
enum peer_dialect {
    PEER_TEXT,    /* "OK" or the error's text: Rogue since 4.0 */
    PEER_NUMERIC, /* 4 bytes, 0 for success: the SURF model, Rogue before 4.0 */
    PEER_NUL,     /* a NUL in first place for success, text ends at its first NUL */
    PEER_EMPTY    /* an empty frame for success */
};

struct peer_header {
    uint32_t id;
    uint64_t address;
    uint32_t size;
    uint32_t type;
};

struct peer_message {
    zmq_msg_t frame[PEER_FRAMES];
    unsigned kept;  /* frames held above */
    unsigned count; /* frames that the message had */
};

void peer_put_u32(uint8_t* to, uint32_t value);
void peer_put_u64(uint8_t* to, uint64_t value);
uint32_t peer_get_u32(const uint8_t* from);
uint64_t peer_get_u64(const uint8_t* from);

/* Sets an integer socket option; a refusal is printed and ends the program with status 3. */
void peer_set_option(void* socket, int option, int value);

/* One whole message: 1 when received, 0 when none came within the socket's RCVTIMEO or a signal
 * came first, -1 on any other failure. After 1 the message is closed by the caller. */
int peer_receive(void* socket, struct peer_message* message);
void peer_close(struct peer_message* message);

/* The four header frames; false when one is missing or has a wrong length. */
bool peer_header(struct peer_message* message, struct peer_header* header);

/* One frame, copied; false when libzmq refuses it (errno tells why). */
bool peer_send(void* socket, const void* data, size_t size, int flags);

uint64_t peer_now_ms(void);
void peer_sleep_us(uint64_t microseconds);

/* Decimal or 0x-prefixed, at most `most`; false when the text is anything else. */
bool peer_parse(const char* text, uint64_t most, uint64_t* value);

/* Pairs of hex digits into memory of the caller's to free; NULL when the text is anything else. */
uint8_t* peer_parse_hex(const char* text, size_t* size);

bool peer_parse_dialect(const char* text, enum peer_dialect* dialect);

/* A pattern in which neither a shift nor a swap of bytes goes unseen; the same for the same seed.
 */
void peer_pattern(uint8_t* to, size_t size, uint64_t seed);

#endif
