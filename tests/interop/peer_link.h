/*
 * The client's end of the bridge as it is in the field: the two sockets of Rogue's TcpClient, ids
 * from 1 up, and every response held against what was asked. Which transactions to make is the
 * business of the checks.
 */
#ifndef RIM_INTEROP_PEER_LINK_H
#define RIM_INTEROP_PEER_LINK_H

#include "peer.h"

/* What must be in the data frame of a response to a Write. Any length is legal; the others are for
 * a closer look. */
enum link_write_data { LINK_WRITE_ANY, LINK_WRITE_EMPTY, LINK_WRITE_ECHO };

enum link_bad_answer { LINK_BAD_ANY, LINK_BAD_ERROR, LINK_BAD_SILENT };

struct link {
    void *context, *requests, *responses;
    char request_endpoint[300], response_endpoint[300];
    void* monitor[2]; /* of the request socket, of the response socket */
    bool up[2];
    uint64_t drops; /* connections lost so far; read it by link_drops */

    uint32_t next_id;
    uint8_t* state; /* of each id, see peer_link.c */
    size_t state_capacity;
    uint32_t asked;  /* reads whose responses check_collect has to take */
    unsigned hidden; /* responses that a Rogue before 6.8.5 does not see */

    /* Settings; they hold for the commands that follow. */
    uint32_t timeout_ms;
    enum peer_dialect dialect;
    enum link_write_data write_data;
    enum link_bad_answer bad_answer;
    bool error_data_any; /* a failed read may carry other than `size` bytes */
    bool post_answered;
    bool old_client; /* be a Rogue before 6.8.5 */
    bool eager;      /* send as soon as the request connection is up, as Rogue does */
    uint32_t align;  /* sweep leaves out sizes that are no multiple */
    uint64_t at;     /* where `bad` reads and writes */

    char why[600]; /* what differed */
    bool usage;    /* it was the command line that was wrong */
};

enum link_result {
    LINK_OK,
    LINK_NONE, /* no response in time, or the request could not be sent */
    LINK_WRONG /* link.why tells */
};

struct link_reply {
    struct peer_header header;
    const uint8_t* data;
    size_t data_size;
    bool ok;
    char error[1000];
    struct peer_message message; /* holds `data` until link_reply_close */
};

struct link_frame {
    const void* data;
    size_t size;
};

/* How often a connection has been lost, up to the last response received. */
uint64_t link_drops(struct link* link);

bool link_open(struct link* link, const char* host, unsigned port);
void link_close(struct link* link);

/* Takes one of the two connections down, leaves the other, and connects again. */
bool link_part(struct link* link);
bool link_rejoin(struct link* link);
bool link_part_requests(struct link* link);
bool link_rejoin_requests(struct link* link);

/* Says what differed, and gives false. */
bool link_fail(struct link* link, const char* format, ...) __attribute__((format(printf, 2, 3)));

/* A new id, which awaits one response, or must not get any. 0 when there is no memory. */
uint32_t link_issue(struct link* link, bool answered);

/* Gives up waiting: a late response is no longer wrong. */
void link_give_up(struct link* link, uint32_t id);

/* A message frame by frame, once the connections are up. False when it did not leave before the
 * deadline. */
bool link_send_frames(struct link* link, const struct link_frame* frames, unsigned count,
                      uint64_t deadline_ms);

/* A request; the data goes with a Write or a Post. */
bool link_send(struct link* link, const struct peer_header* request, const uint8_t* data,
               uint64_t deadline_ms);

/* The next response to any id that awaits one. After LINK_OK the reply is closed by the caller. */
enum link_result link_collect(struct link* link, uint64_t deadline_ms, struct link_reply* reply);
void link_reply_close(struct link_reply* reply);

/* Whether a reply fits its request, all but the value of what was read. */
enum link_result link_check(struct link* link, const struct peer_header* request,
                            const uint8_t* written, const struct link_reply* reply);

/* One transaction from end to end within `timeout_ms`. After LINK_OK the reply is closed by the
 * caller. */
enum link_result link_transact(struct link* link, uint32_t type, uint64_t address,
                               const uint8_t* data, uint32_t size, uint32_t timeout_ms,
                               struct link_reply* reply);

/* The same, and anything but a success is told in link.why. */
bool link_demand(struct link* link, uint32_t type, uint64_t address, const uint8_t* data,
                 uint32_t size, struct link_reply* reply);

/* True when nothing comes that nobody awaits, for so long. */
bool link_quiet(struct link* link, uint32_t milliseconds);

/* True when the bytes are the same; otherwise tells where they begin to differ. */
bool link_compare(struct link* link, const char* what, uint64_t address, const uint8_t* got,
                  const uint8_t* expected, size_t size);

const char* link_type_name(uint32_t type);

#endif
