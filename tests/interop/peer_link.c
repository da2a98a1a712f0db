/*
 * The client's end of the bridge as it is in the field: the two sockets of Rogue's TcpClient, ids
 * from 1 up, and every response held against what was asked. Which transactions to make is the
 * business of the checks.
 *
 * Two things Rogue does not do: it waits until the connections are up before it sends (a test that
 * loses its first request by luck is worth nothing), and it watches connections by libzmq's
 * monitor. Neither is seen on the wire.
 */
#include "peer_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* States of an id. */
enum { NEVER, WAITING, FORBIDDEN, GIVEN_UP, ANSWERED };

bool link_fail(struct link* link, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(link->why, sizeof link->why, format, arguments);
    va_end(arguments);
    return false;
}

static void* watch(struct link* link, void* socket, const char* endpoint) {
    void* monitor = zmq_socket(link->context, ZMQ_PAIR);
    if (monitor == NULL ||
        zmq_socket_monitor(socket, endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0 ||
        zmq_connect(monitor, endpoint) != 0)
        return NULL;
    return monitor;
}

bool link_open(struct link* link, const char* host, unsigned port) {
    if (strlen(host) > 250) return link_fail(link, "address is too long");
    snprintf(link->request_endpoint, sizeof link->request_endpoint, "tcp://%s:%u", host, port);
    snprintf(link->response_endpoint, sizeof link->response_endpoint, "tcp://%s:%u", host,
             port + 1);
    link->next_id = 1;
    link->context = zmq_ctx_new();
    if (link->context == NULL) return link_fail(link, "no context: %s", zmq_strerror(zmq_errno()));
    link->responses = zmq_socket(link->context, ZMQ_PULL);
    link->requests = zmq_socket(link->context, ZMQ_PUSH);
    if (link->responses == NULL || link->requests == NULL)
        return link_fail(link, "no socket: %s", zmq_strerror(zmq_errno()));
    peer_set_option(link->requests, ZMQ_IMMEDIATE, 1);
    peer_set_option(link->responses, ZMQ_LINGER, 0);
    peer_set_option(link->requests, ZMQ_LINGER, 0);
    peer_set_option(link->responses, ZMQ_RCVTIMEO, 100);
    link->monitor[0] = watch(link, link->requests, "inproc://requests");
    link->monitor[1] = watch(link, link->responses, "inproc://responses");
    if (link->monitor[0] == NULL || link->monitor[1] == NULL)
        return link_fail(link, "no monitor: %s", zmq_strerror(zmq_errno()));
    return link_rejoin(link) && link_rejoin_requests(link);
}

static bool take_down(struct link* link, void* socket, const char* endpoint, short event) {
    if (zmq_disconnect(socket, endpoint) != 0)
        return link_fail(link, "disconnect: %s", zmq_strerror(zmq_errno()));
    /* libzmq closes it while the socket is in use, not before. */
    for (int i = 0; i < 100; i++) {
        zmq_pollitem_t item = {.socket = socket, .events = event};
        if (zmq_poll(&item, 1, 1) > 0) peer_sleep_us(1000);
    }
    return true;
}

static bool bring_up(struct link* link, void* socket, const char* endpoint) {
    if (zmq_connect(socket, endpoint) == 0) return true;
    return link_fail(link, "connect %s: %s", endpoint, zmq_strerror(zmq_errno()));
}

bool link_part(struct link* link) {
    return take_down(link, link->responses, link->response_endpoint, ZMQ_POLLIN);
}

bool link_rejoin(struct link* link) {
    return bring_up(link, link->responses, link->response_endpoint);
}

bool link_part_requests(struct link* link) {
    return take_down(link, link->requests, link->request_endpoint, ZMQ_POLLOUT);
}

bool link_rejoin_requests(struct link* link) {
    return bring_up(link, link->requests, link->request_endpoint);
}

void link_close(struct link* link) {
    void* sockets[4] = {link->requests, link->responses, link->monitor[0], link->monitor[1]};
    for (int i = 0; i < 4; i++)
        if (sockets[i] != NULL) zmq_close(sockets[i]);
    if (link->context != NULL) zmq_ctx_term(link->context);
    free(link->state);
}

/* Takes in what libzmq has told about the connections since the last look. */
static void look(struct link* link) {
    for (int i = 0; i < 2; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        while (zmq_msg_recv(&frame, link->monitor[i], ZMQ_DONTWAIT) >= 0) {
            uint16_t event = 0;
            if (zmq_msg_size(&frame) >= sizeof event)
                memcpy(&event, zmq_msg_data(&frame), sizeof event);
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) link->up[i] = true;
            if (event == ZMQ_EVENT_DISCONNECTED) {
                link->drops += link->up[i];
                link->up[i] = false;
            }
            /* The second frame is the endpoint, which is known. */
            while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, link->monitor[i], 0) >= 0) {
            }
        }
        zmq_msg_close(&frame);
    }
}

uint64_t link_drops(struct link* link) {
    look(link);
    return link->drops;
}

uint32_t link_issue(struct link* link, bool answered) {
    if (link->next_id >= link->state_capacity) {
        size_t capacity = link->state_capacity * 2 + 1024;
        uint8_t* state = realloc(link->state, capacity);
        if (state == NULL) return 0;
        memset(state + link->state_capacity, NEVER, capacity - link->state_capacity);
        link->state = state;
        link->state_capacity = capacity;
    }
    link->state[link->next_id] = answered ? WAITING : FORBIDDEN;
    return link->next_id++;
}

void link_give_up(struct link* link, uint32_t id) { link->state[id] = GIVEN_UP; }

bool link_send_frames(struct link* link, const struct link_frame* frames, unsigned count,
                      uint64_t deadline_ms) {
    for (;;) {
        look(link);
        zmq_pollitem_t item = {.socket = link->requests, .events = ZMQ_POLLOUT};
        bool ready = zmq_poll(&item, 1, 0) > 0 && (link->eager || (link->up[0] && link->up[1]));
        if (ready) break;
        if (peer_now_ms() >= deadline_ms) return false;
        peer_sleep_us(1000);
    }
    for (unsigned i = 0; i < count; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        if (!peer_send(link->requests, frames[i].data, frames[i].size, more | ZMQ_DONTWAIT))
            return false;
    }
    return true;
}

bool link_send(struct link* link, const struct peer_header* request, const uint8_t* data,
               uint64_t deadline_ms) {
    uint8_t id[4], address[8], size[4], type[4];
    struct link_frame frames[5] = {
        {id, 4}, {address, 8}, {size, 4}, {type, 4}, {data, request->size}};
    peer_put_u32(id, request->id);
    peer_put_u64(address, request->address);
    peer_put_u32(size, request->size);
    peer_put_u32(type, request->type);
    bool with_data = request->type == PEER_WRITE || request->type == PEER_POST;
    return link_send_frames(link, frames, with_data ? 5 : 4, deadline_ms);
}

void link_reply_close(struct link_reply* reply) { peer_close(&reply->message); }

/* Reads the result frame; false when it is none of the dialect's. */
static bool read_result(struct link* link, zmq_msg_t* frame, struct link_reply* reply) {
    const uint8_t* bytes = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame);
    if (size > 999)
        return link_fail(link, "id %u: a result of %zu bytes; over 999 a client drops it",
                         reply->header.id, size);
    if (link->dialect == PEER_NUMERIC) {
        if (size != 4)
            return link_fail(link, "id %u: a result of %zu bytes instead of 4", reply->header.id,
                             size);
        reply->ok = peer_get_u32(bytes) == 0;
        snprintf(reply->error, sizeof reply->error, "code %u", peer_get_u32(bytes));
        return true;
    }
    if (link->dialect == PEER_TEXT) {
        if (size == 0) return link_fail(link, "id %u: an empty result", reply->header.id);
        reply->ok = size == 2 && memcmp(bytes, "OK", 2) == 0;
    } else {
        reply->ok = size == 0 || bytes[0] == '\0';
    }
    memcpy(reply->error, bytes, size); /* 999 at most, and one place more is there */
    reply->error[size] = '\0';
    return true;
}

static enum link_result judge(struct link* link, struct link_reply* reply) {
    uint32_t id;
    if (reply->message.count != 6 || !peer_header(&reply->message, &reply->header)) {
        link_fail(link, "a malformed response of %u frames", reply->message.count);
        return LINK_WRONG;
    }
    id = reply->header.id;
    uint8_t state = id < link->next_id ? link->state[id] : NEVER;
    switch (state) {
    case NEVER:
        link_fail(link, "a response to id %u, which was never sent", id);
        return LINK_WRONG;
    case ANSWERED:
        link_fail(link, "a second response to id %u", id);
        return LINK_WRONG;
    case FORBIDDEN:
        link_fail(link, "a response to the Post of id %u", id);
        return LINK_WRONG;
    default:
        link->state[id] = ANSWERED;
    }
    if (state == GIVEN_UP) return LINK_NONE;
    reply->data = zmq_msg_data(&reply->message.frame[4]);
    reply->data_size = zmq_msg_size(&reply->message.frame[4]);
    return read_result(link, &reply->message.frame[5], reply) ? LINK_OK : LINK_WRONG;
}

/* A Rogue before 6.8.5 does not count a frame without bytes, and drops the response that is then a
 * frame short. */
static bool unseen_by_old(struct peer_message* message) {
    for (unsigned i = 0; i < message->kept; i++)
        if (zmq_msg_size(&message->frame[i]) == 0) return true;
    return false;
}

enum link_result link_collect(struct link* link, uint64_t deadline_ms, struct link_reply* reply) {
    for (;;) {
        uint64_t now = peer_now_ms();
        long wait = now >= deadline_ms        ? 0
                    : deadline_ms - now > 100 ? 100
                                              : (long)(deadline_ms - now);
        zmq_pollitem_t item = {.socket = link->responses, .events = ZMQ_POLLIN};
        int got = zmq_poll(&item, 1, wait) > 0 ? peer_receive(link->responses, &reply->message) : 0;
        if (got < 0) {
            link_fail(link, "receive: %s", zmq_strerror(zmq_errno()));
            return LINK_WRONG;
        }
        if (got == 0) {
            if (wait == 0) return LINK_NONE;
            continue;
        }
        if (link->old_client && unseen_by_old(&reply->message)) {
            link->hidden++;
            peer_close(&reply->message);
            continue;
        }
        enum link_result result = judge(link, reply);
        if (result == LINK_OK) return LINK_OK;
        peer_close(&reply->message);
        if (result == LINK_WRONG) return LINK_WRONG;
    }
}

const char* link_type_name(uint32_t type) {
    switch (type) {
    case PEER_READ:
        return "Read";
    case PEER_WRITE:
        return "Write";
    case PEER_POST:
        return "Post";
    case PEER_VERIFY:
        return "Verify";
    case PEER_PROBE:
        return "Probe";
    default:
        return "unknown type";
    }
}

enum link_result link_check(struct link* link, const struct peer_header* request,
                            const uint8_t* written, const struct link_reply* reply) {
    const struct peer_header* got = &reply->header;
    if (got->id != request->id) {
        link_fail(link, "a response to id %u, where that to id %u was due", got->id, request->id);
        return LINK_WRONG;
    }
    if (got->address != request->address || got->size != request->size ||
        got->type != request->type) {
        link_fail(link,
                  "id %u: asked for address 0x%llx size %u type %u, answered for 0x%llx, %u, %u",
                  request->id, (unsigned long long)request->address, request->size, request->type,
                  (unsigned long long)got->address, got->size, got->type);
        return LINK_WRONG;
    }
    if (request->type == PEER_WRITE) {
        bool echo = reply->data_size == request->size &&
                    (request->size == 0 || memcmp(reply->data, written, request->size) == 0);
        if ((link->write_data == LINK_WRITE_EMPTY && reply->data_size != 0) ||
            (link->write_data == LINK_WRITE_ECHO && !echo)) {
            link_fail(link,
                      "id %u: the response to a Write of %u bytes carries %zu, not the %s demanded",
                      request->id, request->size, reply->data_size,
                      link->write_data == LINK_WRITE_ECHO ? "echo" : "empty frame");
            return LINK_WRONG;
        }
        return LINK_OK;
    }
    /* Rogue's client looks at this before the result: other lengths cost it the slave's error text.
     */
    if (reply->data_size != request->size && (reply->ok || !link->error_data_any)) {
        link_fail(link, "id %u: %zu bytes of data for a size of %u (result: %s)", request->id,
                  reply->data_size, request->size, reply->ok ? "success" : reply->error);
        return LINK_WRONG;
    }
    return LINK_OK;
}

enum link_result link_transact(struct link* link, uint32_t type, uint64_t address,
                               const uint8_t* data, uint32_t size, uint32_t timeout_ms,
                               struct link_reply* reply) {
    uint64_t deadline = peer_now_ms() + timeout_ms;
    struct peer_header request = {link_issue(link, true), address, size, type};
    enum link_result result = LINK_NONE;
    if (request.id == 0) {
        link_fail(link, "no memory");
        return LINK_WRONG;
    }
    if (link_send(link, &request, data, deadline)) result = link_collect(link, deadline, reply);
    if (result != LINK_OK) {
        if (link->state[request.id] == WAITING) link_give_up(link, request.id);
        return result;
    }
    result = link_check(link, &request, data, reply);
    if (result != LINK_OK) link_reply_close(reply);
    return result;
}

bool link_demand(struct link* link, uint32_t type, uint64_t address, const uint8_t* data,
                 uint32_t size, struct link_reply* reply) {
    enum link_result result =
        link_transact(link, type, address, data, size, link->timeout_ms, reply);
    if (result == LINK_WRONG) return false;
    if (result == LINK_NONE) {
        look(link);
        return link_fail(
            link,
            "%s of %u bytes at 0x%llx: no response within %u ms (connections: request %s, response"
            " %s; responses with an empty frame, unseen by an old client: %u)",
            link_type_name(type), size, (unsigned long long)address, link->timeout_ms,
            link->up[0] ? "up" : "down", link->up[1] ? "up" : "down", link->hidden);
    }
    if (reply->ok) return true;
    link_fail(link, "%s of %u bytes at 0x%llx failed: %.400s", link_type_name(type), size,
              (unsigned long long)address, reply->error);
    link_reply_close(reply);
    return false;
}

bool link_quiet(struct link* link, uint32_t milliseconds) {
    struct link_reply reply;
    enum link_result result = link_collect(link, peer_now_ms() + milliseconds, &reply);
    if (result == LINK_OK) {
        link_fail(link, "a response to id %u, which nobody awaits any more", reply.header.id);
        link_reply_close(&reply);
    }
    return result == LINK_NONE;
}

bool link_compare(struct link* link, const char* what, uint64_t address, const uint8_t* got,
                  const uint8_t* expected, size_t size) {
    size_t differing = 0, first = 0;
    for (size_t i = 0; i < size; i++) {
        if (got[i] == expected[i]) continue;
        if (differing++ == 0) first = i;
    }
    if (differing == 0) return true;
    return link_fail(
        link, "%s at 0x%llx: byte %zu is %02x, expected %02x (%zu of %zu bytes differ)", what,
        (unsigned long long)address, first, got[first], expected[first], differing, size);
}
